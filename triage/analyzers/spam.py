"""The decision on spam, taken apart from the others and strictly: losing a buyer costs more than reading an advert."""

from __future__ import annotations

from .lexicon import Hit

#: Chosen by hand on messages by other writers, so that few honest ones are lost. From the first on a belief is enough
#: by itself; below the second nothing is spam; between them strong words must agree.
CERTAIN = 0.55
LIKELY = 0.30
#: A sign of buying as heavy as this blocks the verdict unless strong words of spam outweigh it.
BUYING = 1.6


def is_spam(belief: float, hits: list[Hit], facts: dict) -> bool:
    """Whether a message may be set aside as spam.

    ``belief`` is the model's; ``hits`` the rules found. The verdict needs a firm belief, or a fair one and
    the words (or the disguised letters) of mass advertising, and never falls on one that shows signs of buying.
    """
    strong = {hit.rule.id for hit in hits if hit.rule.strong}
    is_disguised = "mixed_script" in facts or "suspicious_link" in facts
    buying = sum({hit.rule.id: hit.rule.weight for hit in hits if hit.rule.intent == "buy"}.values())
    if buying >= BUYING and not strong:
        return False
    return belief >= CERTAIN or (belief >= LIKELY and bool(strong or is_disguised))

"""The decision on spam, taken apart from the others and strictly: losing a buyer costs more than reading an advert."""

from __future__ import annotations

from .lexicon import Hit

#: The model's belief from which on a message is spam. Chosen on messages by other writers: nine in ten adverts are
#: found, and three honest messages in a thousand are taken for one.
CERTAIN = 0.50
#: Signs of buying as heavy as this, two of them as a rule, block the verdict, unless strong words outweigh them.
BUYING = 2.5


def is_spam(belief: float, hits: list[Hit]) -> bool:
    """Whether a message may be set aside as spam.

    ``belief`` is the model's, which has weighed every word and rule; ``hits`` are the rules found. A message with any
    sign of buying may still be called spam, but it is never ignored: see ``policy.next_action_of``.
    """
    strong = any(hit.rule.strong for hit in hits)
    buying = sum({hit.rule.id: hit.rule.weight for hit in hits if hit.rule.intent == "buy"}.values())
    return belief >= CERTAIN and (strong or buying < BUYING)

"""From an intent and the facts to a priority and a next action. Nothing is learnt here: it is written to be read."""

from __future__ import annotations

from collections.abc import Mapping

#: The next action by intent and priority, unless something below overrules it.
NEXT_ACTION = {
    "buy": {"P0": "call", "P1": "schedule_demo", "P2": "email", "P3": "nurture"},
    "support": {"P0": "escalate", "P1": "escalate", "P2": "email", "P3": "email"},
    "complaint": {"P0": "escalate", "P1": "call", "P2": "call", "P3": "email"},
    "info": {"P0": "email", "P1": "email", "P2": "email", "P3": "email"},
    "partnership": {"P0": "qualify", "P1": "qualify", "P2": "qualify", "P3": "email"},
    "job": {"P0": "email", "P1": "email", "P2": "email", "P3": "email"},
    "spam": {"P0": "ignore", "P1": "ignore", "P2": "ignore", "P3": "ignore"},
    "other": {"P0": "qualify", "P1": "qualify", "P2": "qualify", "P3": "ignore"},
}

#: Below this belief a person should look first: the action becomes ``qualify`` instead of a guess.
SURE_ENOUGH = 0.45

#: Each line: the priority, the intents it concerns, and the facts of which every group must be met by one.
#: The first line that holds decides. Where none holds, the ordinary priority of the intent does.
_LINES = (
    (
        "P0",
        ("support", "complaint"),
        (("outage", "security", "data_loss", "payment_taken", "injury", "legal_threat"),),
    ),
    ("P0", ("info", "other"), (("injury", "security"), ("urgent",))),
    ("P0", ("buy",), (("urgent",), ("budget", "money", "enterprise", "call_now"))),
    (
        "P1",
        ("buy",),
        (("budget", "money", "quantity", "enterprise", "deadline", "demo", "callback", "call_now", "urgent"),),
    ),
    ("P1", ("support",), (("blocks_work", "urgent"),)),
    ("P1", ("complaint",), (("deadline", "repeat_contact", "urgent"),)),
)
_ORDINARY = {"buy": "P2", "support": "P2", "complaint": "P2", "partnership": "P2"}


def priority_of(intent: str, facts: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """The priority, and the names of the facts that raised it (none for the ordinary one)."""
    for priority, intents, groups in _LINES:
        if intent in intents and all(any(name in facts for name in group) for group in groups):
            return priority, tuple(name for group in groups for name in group if name in facts)
    return _ORDINARY.get(intent, "P3"), ()


def may_be_p0(facts: Mapping[str, object]) -> bool:
    """Return whether some intent would make these facts a P0."""
    return any(
        priority == "P0" and all(any(name in facts for name in group) for group in groups)
        for priority, _, groups in _LINES
    )


def next_action_of(
    intent: str, priority: str, confidence: float, *, is_empty: bool = False, shows_buying: bool = False
) -> str:
    """What to do next. Doubt asks for a person, except where there is nothing to read.

    So does spam that shows any sign of buying: it may be called spam, but never ignored.
    """
    if (confidence < SURE_ENOUGH and not is_empty) or (intent == "spam" and shows_buying):
        return "qualify"
    return NEXT_ACTION[intent][priority]

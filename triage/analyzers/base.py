"""What every analyzer takes and returns: a text in, a Reading out. Nothing here knows Django."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

INTENTS = ("buy", "support", "complaint", "info", "partnership", "job", "spam", "other")
PRIORITIES = ("P0", "P1", "P2", "P3")
NEXT_ACTIONS = ("call", "schedule_demo", "email", "qualify", "escalate", "nurture", "ignore")
TAGS = (
    "urgent",
    "enterprise",
    "budget",
    "deadline",
    "pricing",
    "demo",
    "callback",
    "wholesale",
    "trial",
    "refund",
    "billing",
    "delivery",
    "account_access",
    "bug",
    "outage",
    "security",
    "legal_threat",
    "churn_risk",
    "repeat_contact",
    "personal_data",
    "integration",
    "franchise",
    "resume",
    "suspicious_link",
    "mixed_script",
    "lang:ru",
    "lang:en",
)


class UnreadableError(Exception):
    """The analyzer could not read this text now. The message is shown to the supervisor.

    The job is retried later, a few times.
    """


class Unavailable(UnreadableError):
    """The analyzer cannot be had, and its inquiry should not wait for it: the offline reader reads in its place.

    The message is stored with the insight: a word of ``STAND_IN_REASONS``, or a sentence.
    """


class TooSoon(UnreadableError):
    """This minute's requests are used up: the job is postponed, which does not count as an attempt."""

    def __init__(self, seconds: float):
        super().__init__(f"The next request may be made in {seconds:.0f} s.")
        #: How long until the next may be made.
        self.seconds = seconds


#: Why the offline reader read in the place of the analyzer that was asked.
STAND_IN_REASONS = (
    "budget",
    "pace",
    "resting",
    "timeout",
    "unreachable",
    "rate_limited",
    "server_error",
    "refused",
    "garbled",
    "nonsense",
    "empty",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words that gave something away: ``text == message[start:end]`` (code points)."""

    text: str
    start: int
    end: int
    #: The intent, priority or tag these words speak for.
    reason: str

    def as_dict(self) -> dict:
        return {"text": self.text, "start": self.start, "end": self.end, "for": self.reason}


def _at_no_cost() -> None:
    """Nothing is counted."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of an inquiry besides its text."""

    #: How many inquiries the same lead had open or recently resolved before this one.
    earlier_count: int = 0
    #: The lead's name as it is known; for an analyzer that keeps it from others.
    lead_name: str = ""
    #: To be called before each request that costs something. Raises Unavailable or TooSoon, which must be let through,
    #: when there is nothing left to spend.
    spend: Callable[[], None] = field(default=_at_no_cost, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an analyzer understood. ``__post_init__`` refuses anything outside the taxonomy."""

    intent: str
    priority: str
    next_action: str
    #: The analyzer's belief in ``intent``, 0 to 1.
    confidence: float
    tags: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    #: The belief in each intent, where the analyzer has one; sums to 1.
    probs: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        for name, value, allowed in (
            ("intent", self.intent, INTENTS),
            ("priority", self.priority, PRIORITIES),
            ("next_action", self.next_action, NEXT_ACTIONS),
        ):
            if value not in allowed:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(allowed)}")
        unknown = set(self.tags) - set(TAGS)
        if unknown:
            raise ValueError(f"unknown tags: {', '.join(sorted(unknown))}")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence {self.confidence!r} is not between 0 and 1")


class Analyzer(Protocol):
    """A class named by the TRIAGE_ANALYZER setting. It is built once a process and read from several threads.

    It may have a ``batch_size``: how many texts a worker claims at once, 1 where it has none. More is only for
    analyzers that call no network, for a worker must end its whole batch within half a minute.
    """

    #: Short and stable; stored with every insight.
    name: str
    #: Changes whenever the same text could be read differently; stored with every insight.
    version: str

    def read(self, text: str, context: Context = Context()) -> Reading:
        """Read one message of at most 10,000 characters, within 15 s. Raises UnreadableError when it cannot."""

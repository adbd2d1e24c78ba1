"""How well the readers read, by the supervisors' own word: what was judged, and how much of it was right.

Only readings that somebody judged say anything about accuracy, and mistakes are judged more often than what is right:
the figures are a lower bound. Every figure comes with how many it rests on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncWeek

from .analyzers.policy import SURE_ENOUGH
from .models import Correction, Insight, Intent

#: What a correction decided was no reading; it is left out of the readers' accuracy.
PRECEDENT = "correction"
#: The width of Wilson's interval, in standard errors: 95 %.
WIDTH = 1.96

IS_RIGHT = Q(read_intent=F("intent"))


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def ratio(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Where the true share lies, at 95 % (E. B. Wilson 1927: right also for few and for all)."""
        if not self.of:
            return None
        p, n, z2 = self.count / self.of, self.of, WIDTH**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = WIDTH * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class IntentQuality:
    intent: str
    #: Of those that are it, how many were read as it.
    found: Share
    #: Of those that were read as it, how many are it.
    right: Share


@dataclass(frozen=True, slots=True)
class Week:
    starts_on: date
    right: Share
    automatic: Share


@dataclass(frozen=True, slots=True)
class Quality:
    """Everything the page shows of one stretch of time."""

    intent: Share
    priority: Share
    next_action: Share
    automatic: Share
    intents: list[IntentQuality]
    #: By language ("" where none was recognised) and by reader ("rules 1a2b").
    languages: list[tuple[str, Share]]
    readers: list[tuple[str, Share]]
    weeks: list[Week]
    #: What came about out of the ordinary (taken over, read offline in a model's place), the commonest first.
    notes: list[tuple[str, int]]


def quality(*, since: datetime) -> Quality:
    """The quality of what was judged, and the share decided automatically, since a moment. Seven queries."""
    judged = judgements(since=since)
    totals = judged.aggregate(
        of=Count("pk"),
        intent=Count("pk", filter=IS_RIGHT),
        priority=Count("pk", filter=Q(read_priority=F("priority"))),
        next_action=Count("pk", filter=Q(read_next_action=F("next_action"))),
    )
    read = readings(since=since)
    weeks = _weeks(judged, read)
    return Quality(
        intent=Share(totals["intent"], totals["of"]),
        priority=Share(totals["priority"], totals["of"]),
        next_action=Share(totals["next_action"], totals["of"]),
        automatic=_sum(week.automatic for week in weeks),
        intents=_by_intent(judged),
        languages=[(lang, share) for (lang,), share in _by(judged, "lang")],
        readers=[(f"{name} {version}", share) for (name, version), share in _by(judged, "analyzer", "version")],
        weeks=weeks,
        notes=_notes(read),
    )


def judgements(*, since: datetime) -> QuerySet[Correction]:
    """The last word on each reading judged here since a moment."""
    newer = Q(created_at__gt=OuterRef("created_at")) | Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    newest = ~Exists(Correction.objects.filter(newer, insight=OuterRef("insight")))
    judged = Correction.objects.filter(newest, insight__isnull=False, created_at__gte=since)
    return judged.exclude(analyzer=PRECEDENT).order_by()


def readings(*, since: datetime) -> QuerySet[Insight]:
    """What was read since a moment, found by its time-ordered ids: the table has no need of another index."""
    milliseconds = int(since.timestamp() * 1000)
    first = UUID(int=milliseconds << 80)
    return Insight.objects.filter(pk__gte=first, created_at__gte=since).order_by()


def _notes(read: QuerySet) -> list[tuple[str, int]]:
    counts = read.exclude(note="").values_list("note").annotate(count=Count("pk"))
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def _by(judged: QuerySet, *names: str) -> list[tuple[tuple, Share]]:
    rows = judged.values(*names).annotate(of=Count("pk"), right=Count("pk", filter=IS_RIGHT))
    found = [(tuple(row[name] for name in names), Share(row["right"], row["of"])) for row in rows]
    return sorted(found, key=lambda pair: (-pair[1].of, pair[0]))


def _by_intent(judged: QuerySet) -> list[IntentQuality]:
    pairs = {
        (row["read_intent"], row["intent"]): row["count"]
        for row in judged.values("read_intent", "intent").annotate(count=Count("pk"))
    }
    found = []
    for intent in Intent.values:
        hit = pairs.get((intent, intent), 0)
        true = sum(count for (_, right), count in pairs.items() if right == intent)
        said = sum(count for (read, _), count in pairs.items() if read == intent)
        if true or said:
            found.append(IntentQuality(intent, Share(hit, true), Share(hit, said)))
    return found


def _weeks(judged: QuerySet, read: QuerySet) -> list[Week]:
    """The weeks in which anything was read or judged. Automatic is what the reader was sure of and nobody changed."""
    is_sure = Q(confidence__gte=SURE_ENOUGH) & (Q(corrected_at=None) | ~Exists(_changed()))
    automatic = {
        row["week"].date(): Share(row["sure"], row["of"])
        for row in read.annotate(week=TruncWeek("created_at"))
        .values("week")
        .annotate(of=Count("pk"), sure=Count("pk", filter=is_sure))
    }
    right = {week.date(): share for (week,), share in _by(judged.annotate(week=TruncWeek("created_at")), "week")}
    nothing = Share(0, 0)
    return [
        Week(week, right.get(week, nothing), automatic.get(week, nothing)) for week in sorted(right.keys() | automatic)
    ]


def _changed() -> QuerySet[Correction]:
    as_read = Q(read_intent=F("intent"), read_priority=F("priority"), read_next_action=F("next_action"))
    return Correction.objects.filter(~as_read, insight=OuterRef("pk"))


def _sum(shares: Iterable[Share]) -> Share:
    shares = list(shares)
    return Share(sum(share.count for share in shares), sum(share.of for share in shares))

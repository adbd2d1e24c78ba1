"""Made-up history: the rows that a company has after a year of inquiries, for measuring.

Nothing here writes: a `History` makes the rows of one stretch after the other, in the order of their time.
"""

import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Model

from leads.identity import content_hash, search_text
from leads.models import Assignment, Identity, Inquiry, Lead, LeadDetail
from routing.choice import ONE, Candidate, Strategy, choose
from triage.models import Insight, Job

YEAR = timedelta(days=364)
#: Open inquiries came in the last day.
DAY = timedelta(days=1)
#: A quarter of the inquiries come from a lead who wrote before.
RETURNING = 0.25
REMEMBERED_LEADS = 5_000
#: Decision records a source has in its history; an open inquiry has one of its own.
VARIANTS = 16

FIRST_NAMES = (
    "Anna",
    "Boris",
    "Clara",
    "David",
    "Elena",
    "Farid",
    "Grace",
    "Анна",
    "Борис",
    "Олег",
    "Татьяна",
    "Юлия",
)
LAST_NAMES = ("Adler", "Brown", "Costa", "Dietz", "Evans", "Иваненко", "Петренко", "Седых", "Черных", "Юрченко")

#: Intent, priority, next action, tag, the words that gave it away, and the message.
MESSAGES = (
    ("buy", "P1", "call", "pricing", "цена", "Здравствуйте! Нужна цена на {n} мест, срок до конца месяца."),
    ("buy", "P1", "schedule_demo", "demo", "a demo", "Hello, could you show us a demo? We are a team of {n} people."),
    ("buy", "P2", "email", "pricing", "How much", "How much is the plan for {n} users, and is there a yearly price?"),
    ("support", "P1", "escalate", "bug", "does not open", "Report {n} does not open since this morning: blank page."),
    ("support", "P2", "email", "account_access", "Не могу войти", "Не могу войти в кабинет, номер договора {n}."),
    ("complaint", "P0", "escalate", "refund", "money back", "Order {n} never arrived. I want my money back today."),
    ("complaint", "P1", "call", "delivery", "обещали", "Заказ {n} обещали вчера, курьер так и не приехал."),
    ("info", "P3", "email", "delivery", "opening hours", "What are your opening hours, and do you deliver to {n}?"),
    (
        "partnership",
        "P2",
        "qualify",
        "wholesale",
        "оптом",
        "Хотим брать оптом, около {n} штук в месяц. С кем обсудить?",
    ),
    ("job", "P3", "nurture", "resume", "vacancy", "I am writing about vacancy {n}; my CV is attached."),
    (
        "spam",
        "P3",
        "ignore",
        "suspicious_link",
        "first page",
        "We bring {n} visitors a day: your site on the first page",
    ),
    ("other", "P3", "qualify", "lang:en", "note", "A note about number {n}, nothing urgent at all."),
)

Rows = dict[type[Model], list[dict]]


@dataclass(frozen=True, slots=True)
class Desk:
    """A source and its operators, as the choice sees them when nobody has written yet."""

    source_id: int
    strategy: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What an assignment stores of a decision."""

    operator_id: int | None
    reason: str
    record: str


class History:
    """Inquiries of a year, all resolved but the last ``open_count``, which are open now."""

    def __init__(self, desks: Iterable[Desk], *, series: int, total: int, open_count: int, now: datetime):
        self.desks = list(desks)
        self.series, self.total, self.now = series, total, now
        self.first_open = total - open_count
        self.rng = random.Random(series)
        self._variants = {desk.source_id: self._past_choices(desk) for desk in self.desks}
        self._open_counts: Counter[int] = Counter()
        self._known: deque[UUID] = deque(maxlen=REMEMBERED_LEADS)

    def rows(self, numbers: Iterable[int]) -> Rows:
        """Return the rows of these inquiries. A job and its insight stand in the same place, and have no id yet."""
        rows: Rows = defaultdict(list)
        for number in numbers:
            for model, row in self._rows_of(number):
                rows[model].append(row)
        return rows

    def _rows_of(self, number: int) -> Iterator[tuple[type[Model], dict]]:
        moment = self._moment(number)
        lead_id = self._known_lead()
        if lead_id is None:
            lead_id = uuid7_at(moment, self.rng)
            self._known.append(lead_id)
            yield from self._lead_rows(lead_id, number, moment)
        inquiry_id, kind = uuid7_at(moment, self.rng), self.rng.choice(MESSAGES)
        message = kind[-1].format(n=number + 1)
        content = {"inquiry_id": inquiry_id, "content_hash": content_hash(message)}
        desk = self.desks[number % len(self.desks)]
        is_open = number >= self.first_open
        choice = self._choose_now(desk) if is_open else self.rng.choice(self._variants[desk.source_id])
        inquiry = {"id": inquiry_id, "lead_id": lead_id, "source_id": desk.source_id, "message": message}
        inquiry |= {"extra": "{}", "content_hash": content["content_hash"], "priority": kind[1], "created_at": moment}
        yield Inquiry, inquiry | self._holding(choice, moment, is_open=is_open)
        yield Assignment, assignment_row(inquiry_id, choice, moment)
        read_at = moment + timedelta(seconds=2)
        done = {"token": 1, "attempt_count": 1, "created_at": moment, "done_at": read_at}
        yield Job, content | done
        yield Insight, content | self._reading(kind, message, read_at)

    def _moment(self, number: int) -> datetime:
        """Return when an inquiry came: each in a slot of its own, so that ids and times have one order."""
        open_count = self.total - self.first_open
        if number < self.first_open:
            start, stretch, place, places = self.now - YEAR - DAY, YEAR, number, self.first_open
        else:
            start, stretch, place, places = self.now - DAY, DAY * 0.99, number - self.first_open, open_count
        return start + stretch * ((place + self.rng.random() / 2) / places)

    def _known_lead(self) -> UUID | None:
        return self.rng.choice(self._known) if self._known and self.rng.random() < RETURNING else None

    def _lead_rows(self, lead_id: UUID, number: int, moment: datetime) -> Iterator[tuple[type[Model], dict]]:
        source_id = self.desks[number % len(self.desks)].source_id
        name = f"{self.rng.choice(FIRST_NAMES)} {self.rng.choice(LAST_NAMES)}"
        email = f"lead-{self.series}-{number}@example.com"
        # No country gives out numbers that begin with +70: none of these is somebody's.
        phone = f"+70{self.series:02d}{number:07d}" if self.rng.random() < 0.6 else ""
        lead = {"id": lead_id, "name": name, "email": email, "phone": phone, "created_at": moment}
        yield Lead, lead | {"search": search_text(name=name, email=email, phone=phone)}
        for kind, value in (("name", name), ("email", email), ("phone", phone)):
            told = {"lead_id": lead_id, "kind": kind, "value": value, "created_at": moment}
            if value and kind != "name":
                yield Identity, told
            if value:
                yield LeadDetail, told | {"source_id": source_id}

    def _holding(self, choice: Choice, moment: datetime, *, is_open: bool) -> dict:
        """Return who has an inquiry and since when; why nobody has; when it was resolved."""
        if choice.operator_id is None:
            return {"waiting_reason": choice.reason}
        held = {"operator_id": choice.operator_id, "assigned_at": moment}
        if is_open:
            return held
        open_for = min(timedelta(hours=self.rng.expovariate(1 / 6)), self.now - moment)
        return held | {"accepted_at": moment + open_for * 0.2, "resolved_at": moment + open_for}

    def _reading(self, kind: tuple, message: str, moment: datetime) -> dict:
        intent, priority, next_action, tag, words, _ = kind
        start = message.index(words)
        evidence = {"text": words, "start": start, "end": start + len(words), "for": intent}
        return {
            "id": uuid7_at(moment, self.rng),
            "intent": intent,
            "priority": priority,
            "next_action": next_action,
            "confidence": round(0.5 + self.rng.random() / 2, 3),
            "tags": json.dumps([tag]),
            "evidence": json.dumps([evidence]),
            "analyzer": "made-up",
            "version": "1",
            "created_at": moment,
        }

    def _choose_now(self, desk: Desk) -> Choice:
        """Choose for an open inquiry, beside all that are open already: nobody gets more than their limit."""
        seats = [replace(c, open_count=self._open_counts[c.id]) for c in desk.candidates]
        choice = self._choice(desk, seats)
        if choice.operator_id is not None:
            self._open_counts[choice.operator_id] += 1
        return choice

    def _past_choices(self, desk: Desk) -> list[Choice]:
        return [self._choice(desk, [self._some_day(c) for c in desk.candidates]) for _ in range(VARIANTS)]

    def _some_day(self, candidate: Candidate) -> Candidate:
        received = self.rng.randrange(1_000)
        due = received * ONE + self.rng.randrange(-ONE // 2, ONE // 2)
        open_count = self.rng.randrange(candidate.max_load)
        return replace(candidate, open_count=open_count, received_count=received, due=due)

    def _choice(self, desk: Desk, seats: list[Candidate]) -> Choice:
        draw = self.rng.random() if desk.strategy == Strategy.WEIGHTED_RANDOM else None
        decision = choose(seats, strategy=desk.strategy, draw=draw)
        return Choice(decision.chosen, str(decision.reason), json.dumps(decision.as_record()))


def assignment_row(inquiry_id: UUID, choice: Choice, moment: datetime) -> dict:
    return {
        "inquiry_id": inquiry_id,
        "operator_id": choice.operator_id,
        "reason": choice.reason,
        "trigger": "intake",
        "decision": choice.record,
        "created_at": moment,
    }


def uuid7_at(moment: datetime, rng: random.Random) -> UUID:
    """Return the UUIDv7 that would have been made at this moment (RFC 9562, section 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    chance = rng.getrandbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & (1 << 62) - 1)

"""What would happen: a source's routing played through with made-up arrivals, before anybody is asked to live with it.

Pure: the same settings and seed give the same result. Arrivals are a Poisson process, the time an inquiry stays with
its operator is exponential, and who gets it is decided by the very code that decides in earnest.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

from .choice import ONE, Candidate, Decision, Strategy, choose
from .hours import Hours, Leave, away, next_change

#: When nobody comes to work any more, those who wait are not waited for.
PATIENCE = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Person:
    """An operator as the simulation knows them."""

    id: int
    name: str
    weight: int
    max_load: int
    is_active: bool = True
    zone: str = "UTC"
    shifts: tuple[Hours, ...] = ()
    absences: tuple[Leave, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is played through."""

    people: tuple[Person, ...]
    strategy: str = Strategy.FAIR
    #: Arrivals an hour, and how many minutes an inquiry stays open, both on average.
    per_hour: float = 20
    work_minutes: float = 30
    inquiries: int = 1000
    start: datetime | None = None
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What one person lived through."""

    name: str
    weight: int
    max_load: int
    received_count: int = 0
    peak_load: int = 0
    #: The largest distance from the exact share, in inquiries, and the share that was due by the end.
    worst_error: float = 0
    due: float = 0


@dataclass(slots=True)
class Result:
    """How it went. Waiting times are in minutes, of those who had to wait at all."""

    people: list[Tally]
    inquiries: int
    waited_count: int = 0
    never_given_count: int = 0
    waits: list[float] = field(default_factory=list)
    #: (hours since the start, waiting, open) after each arrival: for a chart.
    timeline: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def median_wait(self) -> float:
        return median(self.waits) if self.waits else 0.0

    @property
    def longest_wait(self) -> float:
        return max(self.waits, default=0.0)

    def wait_percentile(self, share: float) -> float:
        """The waiting time that this share (0 to 1) of those who waited did not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))] if self.waits else 0.0


def simulate(scenario: Scenario, *, progress: Callable[[], None] = lambda: None) -> Result:
    """Play a scenario through. ``progress`` is called once for every arrival.

    Raises ValueError for rates that are not above zero, for fewer than one inquiry and for an unknown strategy.
    """
    if scenario.per_hour <= 0 or scenario.work_minutes <= 0 or scenario.inquiries < 1:
        raise ValueError("arrivals an hour, minutes of work and inquiries must all be above zero")
    if scenario.start is None or scenario.start.tzinfo is None:
        raise ValueError("the start must be a moment with a time zone")
    return _Run(scenario).play(progress)


class _Run:
    """One simulation under way: the clock, who holds how much, and who waits."""

    def __init__(self, scenario: Scenario):
        self.scenario = scenario
        self.random = random.Random(scenario.seed)
        self.now = scenario.start
        self.candidates = {p.id: Candidate(p.id, p.name, p.weight, 0, p.max_load) for p in scenario.people}
        self.tallies = {p.id: Tally(p.name, p.weight, p.max_load) for p in scenario.people}
        self.result = Result(list(self.tallies.values()), scenario.inquiries)
        #: Until when each person stays at work or away, and the first of these moments; None: for ever.
        self.changes_at: dict[int, datetime | None] = {p.id: self.now for p in scenario.people}
        self.next_change: datetime | None = self.now
        self.waiting: deque[datetime] = deque()
        #: (when, whose): the inquiries that will be resolved.
        self.working: list[tuple[datetime, int]] = []

    def play(self, progress: Callable[[], None]) -> Result:
        for _ in range(self.scenario.inquiries):
            self._until(self.now + timedelta(hours=self.random.expovariate(self.scenario.per_hour)))
            self._arrive()
            progress()
        self._until(self.now + PATIENCE, stop_when_idle=True)
        self.result.never_given_count = len(self.waiting)
        for tally in self.result.people:
            tally.due = round(tally.due, 3)
        return self.result

    def _arrive(self) -> None:
        self.waiting.append(self.now)
        self._give_out()
        if self.waiting and self.waiting[-1] == self.now:
            self.result.waited_count += 1
        hours = (self.now - self.scenario.start) / timedelta(hours=1)
        self.result.timeline.append((round(hours, 3), len(self.waiting), len(self.working)))

    def _until(self, moment: datetime, *, stop_when_idle: bool = False) -> None:
        """Let time pass: inquiries are resolved, shifts begin, and whoever waits is given out."""
        while True:
            # Whoever waits is given out as soon as somebody comes to work, as the sweep does.
            next_change = self.next_change if self.waiting and self.next_change else moment
            next_end = self.working[0][0] if self.working else moment
            step = min(moment, next_change, next_end)
            if step >= moment or (stop_when_idle and not self.waiting):
                break
            self.now = step
            while self.working and self.working[0][0] <= self.now:
                _, operator = heapq.heappop(self.working)
                self._hold(operator, -1)
            self._give_out()
        if not stop_when_idle:
            self.now = moment

    def _give_out(self) -> None:
        while self.waiting:
            decision = self._decide()
            if decision.chosen is None:
                return
            since = self.waiting.popleft()
            if since < self.now:
                self.result.waits.append((self.now - since) / timedelta(minutes=1))
            self._take(decision)

    def _decide(self) -> Decision:
        if self.next_change and self.next_change <= self.now:
            self._look_who_is_at_work()
        return choose(list(self.candidates.values()), strategy=self.scenario.strategy, draw=self.random.random())

    def _look_who_is_at_work(self) -> None:
        for person in self.scenario.people:
            changes_at = self.changes_at[person.id]
            if changes_at is None or changes_at > self.now:
                continue
            hours = {"shifts": person.shifts, "absences": person.absences, "zone": person.zone, "now": self.now}
            reason, _ = away(is_active=person.is_active, **hours)
            self.candidates[person.id] = replace(self.candidates[person.id], away=str(reason))
            self.changes_at[person.id] = next_change(is_active=person.is_active, **hours)
        self.next_change = min(filter(None, self.changes_at.values()), default=None)

    def _take(self, decision: Decision) -> None:
        for earner in decision.eligible:
            due = earner.due + earner.weight * decision.step
            self.candidates[earner.id] = replace(self.candidates[earner.id], due=due)
        chosen = self.candidates[decision.chosen]
        self.candidates[chosen.id] = replace(chosen, received_count=chosen.received_count + 1)
        self._hold(chosen.id, 1)
        stay = timedelta(minutes=self.random.expovariate(1 / self.scenario.work_minutes))
        heapq.heappush(self.working, (self.now + stay, chosen.id))
        self._tally(decision)

    def _hold(self, operator: int, change: int) -> None:
        candidate = self.candidates[operator]
        self.candidates[operator] = replace(candidate, open_count=candidate.open_count + change)

    def _tally(self, decision: Decision) -> None:
        self.tallies[decision.chosen].received_count += 1
        for earner in decision.eligible:
            candidate, tally = self.candidates[earner.id], self.tallies[earner.id]
            tally.due = candidate.due / ONE
            tally.worst_error = max(tally.worst_error, abs(candidate.credit) / ONE)
            tally.peak_load = max(tally.peak_load, candidate.open_count)


def scenario_of(people: Sequence[Person], **settings) -> Scenario:
    """A scenario of these people in a stable order. See Scenario for the settings."""
    return Scenario(people=tuple(sorted(people, key=lambda person: person.id)), **settings)

"""All operations in random order, against a model so simple that it can be seen to be right.

The model keeps plain dictionaries and asks the same pure choice; what it checks is everything around the choice:
locks, counts, ledgers, queues, and that no path forgets one of them.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from leads import services
from leads.models import Assignment, Inquiry, Lead
from routing.choice import ONE, Candidate, Strategy, choose, replay
from routing.models import Operator, Source, Weight

from .intake import take_in

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DRAW = 0.4
PRIORITIES = ("P0", "P1", "P2", "P3")


@dataclass
class ModelInquiry:
    number: int
    source: int
    priority: str
    holder: int | None = None
    is_resolved: bool = False


@dataclass
class Model:
    """Who holds what, as plain dictionaries; sources and operators by their position."""

    strategies: list[str]
    weights: dict[tuple[int, int], int]
    limits: list[int]
    on_duty: list[bool]
    inquiries: list[ModelInquiry] = field(default_factory=list)
    due: dict = field(default_factory=dict)
    received: dict = field(default_factory=dict)
    last: dict = field(default_factory=dict)
    clock: int = 0

    def load(self, operator):
        return sum(1 for i in self.inquiries if i.holder == operator and not i.is_resolved)

    def candidates(self, source, passed_on=()):
        return [
            Candidate(
                id=operator,
                name="",
                weight=self.weights[source, operator],
                open_count=self.load(operator),
                max_load=self.limits[operator],
                due=self.due.get((source, operator), 0),
                received_count=self.received.get((source, operator), 0),
                last_received=self.last.get((source, operator), 0),
                away="" if self.on_duty[operator] else "off_duty",
                passed_on=operator in passed_on,
            )
            for operator in range(len(self.limits))
        ]

    def decide(self, inquiry, **named):
        sticky = named.pop("sticky", None)
        candidates = self.candidates(inquiry.source, named.pop("passed_on", ()))
        strategy = self.strategies[inquiry.source]
        return choose(candidates, strategy=strategy, draw=DRAW, sticky=sticky, **named)

    def put(self, inquiry, decision):
        if inquiry.holder is not None:
            self.received[inquiry.source, inquiry.holder] -= 1
        inquiry.holder, inquiry.is_resolved = decision.chosen, False
        if decision.chosen is None:
            return
        for earner in decision.eligible:
            pair = inquiry.source, earner.id
            self.due[pair] = self.due.get(pair, 0) + earner.weight * decision.step
        pair = inquiry.source, decision.chosen
        self.received[pair] = self.received.get(pair, 0) + 1
        self.last[pair] = self.clock

    def drain(self):
        while True:
            waiting = [i for i in self.inquiries if i.holder is None and not i.is_resolved]
            waiting = [i for i in waiting if any(not c.exclusion for c in self.candidates(i.source))]
            if not waiting:
                return
            best = min(waiting, key=lambda i: (i.priority, i.number))
            self.put(best, self.decide(best))


class RoutingMachine(RuleBasedStateMachine):
    @initialize(
        limits=st.lists(st.integers(1, 3), min_size=2, max_size=3),
        strategies=st.lists(st.sampled_from(list(Strategy)), min_size=1, max_size=2),
        given=st.data(),
    )
    def found(self, limits, strategies, given):
        for model in (Assignment, Inquiry, Lead, Weight, Source, Operator):
            model.objects.all().delete()
        self.now = START
        operators = [Operator(name=f"O{n}", max_load=limit) for n, limit in enumerate(limits)]
        self.operators = [operator for operator in operators if operator.save() is None]
        self.sources = [Source.objects.create(name=s, slug=f"s{n}", strategy=s) for n, s in enumerate(strategies)]
        weights = {}
        for s, source in enumerate(self.sources):
            for o, operator in enumerate(self.operators):
                weights[s, o] = given.draw(st.integers(0, 4))
                Weight.objects.create(source=source, operator=operator, weight=weights[s, o])
        self.model = Model(list(strategies), weights, list(limits), [True] * len(limits))
        self.ids = []

    def tick(self):
        self.now += timedelta(seconds=1)
        self.model.clock = self.now.timestamp()

    def pick(self, data, **wanted):
        fits = [i for i in self.model.inquiries if all(getattr(i, name) == value for name, value in wanted.items())]
        return data.draw(st.sampled_from(fits)) if fits else None

    def services_arguments(self):
        return {"now": self.now, "rng": lambda: DRAW}

    @rule(data=st.data(), priorities=st.lists(st.sampled_from(PRIORITIES), min_size=1, max_size=4))
    def take_in(self, data, priorities):
        """Take in several at once; the model takes them one by one."""
        self.tick()
        s = data.draw(st.integers(0, len(self.sources) - 1))
        first = len(self.model.inquiries)
        emails = [f"lead-{first + n}@example.com" for n in range(len(priorities))]
        inquiries = take_in(self.sources[s], *emails, **self.services_arguments())
        for inquiry, priority in zip(inquiries, priorities, strict=True):
            Inquiry.objects.filter(pk=inquiry.id).update(priority=priority)
            mine = ModelInquiry(len(self.model.inquiries), s, priority)
            self.ids.append(inquiry.id)
            self.model.inquiries.append(mine)
            self.model.put(mine, self.model.decide(mine))

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def resolve(self, data):
        self.tick()
        mine = self.pick(data)
        services.resolve_inquiry(self.ids[mine.number], **self.services_arguments())
        if not mine.is_resolved:
            mine.is_resolved = True
            if mine.holder is not None:
                self.model.drain()

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def reopen(self, data):
        self.tick()
        if mine := self.pick(data, is_resolved=True):
            services.reopen_inquiry(self.ids[mine.number], by=None, **self.services_arguments())
            self.model.put(mine, self.model.decide(mine, sticky=mine.holder))

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), override=st.sampled_from(["", "the boss said so"]))
    def give(self, data, override):
        self.tick()
        if not (mine := self.pick(data, is_resolved=False)):
            return
        o = data.draw(st.integers(0, len(self.operators) - 1))
        is_refused = mine.holder != o and self.model.load(o) >= self.model.limits[o] and not override
        give = {"by": None, "override": override} | self.services_arguments()
        if is_refused:
            with pytest.raises(services.OperatorFull):
                services.give_inquiry(self.ids[mine.number], self.operators[o], **give)
            return
        services.give_inquiry(self.ids[mine.number], self.operators[o], **give)
        if mine.holder != o:
            self.model.put(mine, self.model.decide(mine, manual=o))
            self.model.drain()

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def route_again(self, data):
        self.tick()
        if not (mine := self.pick(data, is_resolved=False)):
            return
        decision = self.model.decide(mine, passed_on={mine.holder})
        again = {"by": None} | self.services_arguments()
        if decision.chosen is None:
            with pytest.raises(services.NobodyElse):
                services.reroute_inquiry(self.ids[mine.number], **again)
            return
        services.reroute_inquiry(self.ids[mine.number], **again)
        self.model.put(mine, decision)
        self.model.drain()

    @rule(data=st.data(), is_active=st.booleans())
    def switch_duty(self, data, is_active):
        self.change(data, is_active=is_active)

    @rule(data=st.data(), max_load=st.integers(1, 4))
    def set_limit(self, data, max_load):
        self.change(data, max_load=max_load)

    def change(self, data, **fields):
        self.tick()
        o = data.draw(st.integers(0, len(self.operators) - 1))
        with transaction.atomic(durable=True):
            services.lock_operators([self.operators[o].pk], now=self.now)
            Operator.objects.filter(pk=self.operators[o].pk).update(**fields)
            services.assign_waiting(source_ids=[s.pk for s in self.sources], **self.services_arguments())
        self.model.on_duty[o] = fields.get("is_active", self.model.on_duty[o])
        self.model.limits[o] = fields.get("max_load", self.model.limits[o])
        self.model.drain()

    @rule(data=st.data())
    def operator_leaves(self, data):
        self.tick()
        o = data.draw(st.integers(0, len(self.operators) - 1))
        with transaction.atomic(durable=True):
            services.lock_operators([self.operators[o].pk], now=self.now)
            Operator.objects.filter(pk=self.operators[o].pk).update(is_active=False)
            services.return_inquiries(self.operators[o].pk, by=None, **self.services_arguments())
        self.model.on_duty[o] = False
        held = [i for i in self.model.inquiries if i.holder == o and not i.is_resolved]
        for inquiry in sorted(held, key=lambda i: (i.priority, i.number)):
            self.model.put(inquiry, self.model.decide(inquiry, passed_on={o}))

    @invariant()
    def the_database_is_as_the_model_says(self):
        if not hasattr(self, "model"):
            return
        numbers = {operator.pk: o for o, operator in enumerate(self.operators)}
        rows = {row.pk: row for row in Inquiry.objects.all()}
        for mine in self.model.inquiries:
            row = rows[self.ids[mine.number]]
            assert numbers.get(row.operator_id) == mine.holder
            assert bool(row.resolved_at) == mine.is_resolved
        for weight in Weight.objects.select_related("operator"):
            pair = [s.pk for s in self.sources].index(weight.source_id), numbers[weight.operator_id]
            assert weight.received_count == self.model.received.get(pair, 0)
            assert abs(weight.due - self.model.due.get(pair, 0)) < ONE // 1_000_000

    @invariant()
    def no_promise_is_broken(self):
        with transaction.atomic():
            assert list(services.violations(now=getattr(self, "now", START))) == []

    def teardown(self):
        for record in Assignment.objects.values_list("decision", flat=True):
            assert replay(record).as_record() == record


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_database_is_as_the_model_says():
    run_state_machine_as_test(RoutingMachine, settings=settings(max_examples=25, stateful_step_count=20))

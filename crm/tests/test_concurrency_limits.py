"""P4 and P6 in short: a limit is never exceeded, and nobody waits beside a free operator, whatever runs at once."""

import itertools
import random
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from crm.services import sweep
from leads.models import Assignment, Inquiry, Status
from leads.services import (
    InquiryResolved,
    NobodyElse,
    NotResolved,
    OperatorFull,
    assign_waiting,
    give_inquiry,
    lock_operators,
    reopen_inquiry,
    reroute_inquiry,
    resolve_inquiry,
    return_inquiries,
)
from routing.choice import ONE, replay
from routing.models import Operator, Weight
from routing.queries import locked_seats
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel

from .intake import resolve, send

pytestmark = pytest.mark.django_db(transaction=True)


def send_from_strangers(source, count):
    return in_parallel([lambda n=n: send(source, email=f"stranger-{n}@example.com") for n in range(count)])


def test_of_fifty_for_a_limit_of_five_exactly_five_are_assigned_and_freed_slots_go_to_the_next_five():
    anna = OperatorFactory(max_load=5)
    site = SourceFactory(weights={anna: 1})

    receipts = send_from_strangers(site, 50)

    assert Counter(receipt.answer["status"] for receipt in receipts) == {"assigned": 5, "waiting": 45}
    assert Counter(receipt.answer["waiting_reason"] for receipt in receipts) == {"": 5, "all_full": 45}
    first_five = list(anna.inquiries.all())
    next_five = list(Inquiry.objects.waiting()[:5])

    in_parallel([lambda i=inquiry: resolve(i) for inquiry in first_five])

    assert set(anna.inquiries.open()) == set(next_five)
    assert Inquiry.objects.waiting().count() == 40


def test_demand_equal_to_capacity_leaves_nobody_waiting():
    operators = [OperatorFactory(max_load=limit) for limit in (1, 2, 7, 10)]
    site = SourceFactory(weights=dict.fromkeys(operators, 1))

    send_from_strangers(site, 20)

    assert not Inquiry.objects.waiting().exists()
    assert [operator.inquiries.count() for operator in operators] == [1, 2, 7, 10]


def test_whoever_writes_while_the_only_slot_is_freed_gets_it():
    anna = OperatorFactory(max_load=1)
    site = SourceFactory(weights={anna: 1})
    send(site, email="first@example.com")

    for n in range(15):
        held = anna.inquiries.open().get()
        in_parallel([lambda n=n: send(site, email=f"stranger-{n}@example.com"), lambda held=held: resolve(held)])

        assert anna.inquiries.open().count() == 1
        assert not Inquiry.objects.waiting().exists()


def test_shares_are_exact_and_no_entry_of_the_ledger_is_lost():
    anna, boris = (OperatorFactory(name=name, max_load=100) for name in ("Anna", "Boris"))
    site = SourceFactory(weights={anna: 3, boris: 1})

    send_from_strangers(site, 40)

    ledger = list(site.weights.order_by("pk").values_list("operator__name", "received_count", "due"))
    assert ledger == [("Anna", 30, 30 * ONE), ("Boris", 10, 10 * ONE)]
    assert [operator.inquiries.count() for operator in (anna, boris)] == [30, 10]


@pytest.mark.postgresql
def test_the_intake_waits_for_an_operator_without_holding_their_weight():
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1})

    def hold_the_operator_then_write_the_weight():
        with transaction.atomic():
            locked_seats([site.pk], now=timezone.now())
            is_held.set()
            time.sleep(0.3)
            Weight.objects.update(due=5)

    is_held = threading.Event()
    in_parallel([hold_the_operator_then_write_the_weight, lambda: is_held.wait(5) and send(site)])

    # The intake came second and read what the first had written: 5 + one inquiry, less the 5 levelled away.
    assert list(Weight.objects.values_list("due", "received_count")) == [(ONE, 1)]


class Observer(threading.Thread):
    """Looks at the loads again and again from a connection of its own, and remembers any above its limit."""

    def __init__(self):
        super().__init__()
        self.stopped = threading.Event()
        self.looks, self.over = 0, []

    def run(self):
        try:
            while not self.stopped.is_set():
                self.over += over_limit()
                self.looks += 1
                time.sleep(0.005)
        finally:
            connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stopped.set()
        self.join()


def over_limit():
    load = Count("inquiries", filter=Q(inquiries__resolved_at=None))
    operators = Operator.objects.annotate(load=load).filter(load__gt=F("max_load"))
    return list(operators.values_list("name", "load", "max_load"))


def free_beside_waiting():
    """(source, operator) pairs of which the operator is free while an inquiry of the source waits."""
    load = Count("inquiries", filter=Q(inquiries__resolved_at=None))
    free = Operator.objects.annotate(load=load).filter(load__lt=F("max_load"), is_active=True)
    waiting = Inquiry.objects.waiting().order_by().values("source")
    pairs = Weight.objects.filter(operator__in=free.values("pk"), source__in=waiting, weight__gt=0)
    return list(pairs.values_list("source__slug", "operator__name"))


def test_everything_at_once_over_two_sources_that_share_operators():
    anna, boris, clara = OperatorFactory(max_load=3), OperatorFactory(max_load=2), OperatorFactory(max_load=4)
    site = SourceFactory(weights={anna: 3, boris: 1})
    bot = SourceFactory(strategy="weighted_random", weights={boris: 2, clara: 1})
    numbers = itertools.count()
    rng = random.Random(7)

    def any_inquiry(**of):
        found = list(Inquiry.objects.filter(**of).order_by("?")[:1])
        return found[0].pk if found else None

    def intake():
        send(rng.choice([site, bot]), email=f"stranger-{next(numbers)}@example.com")

    def resolve_one():
        if pk := any_inquiry(status=Status.ASSIGNED):
            resolve_inquiry(pk, now=timezone.now(), rng=rng.random)

    def give_one():
        if pk := any_inquiry(resolved_at=None):
            operator = Operator.objects.get(pk=rng.choice([anna, boris, clara]).pk)
            with suppress(OperatorFull, InquiryResolved):
                give_inquiry(pk, operator, by=None, now=timezone.now(), rng=rng.random)

    def reroute_one():
        if pk := any_inquiry(status=Status.ASSIGNED):
            with suppress(NobodyElse, InquiryResolved):
                reroute_inquiry(pk, by=None, now=timezone.now(), rng=rng.random)

    def reopen_one():
        if pk := any_inquiry(status=Status.RESOLVED):
            with suppress(NotResolved):
                reopen_inquiry(pk, by=None, now=timezone.now(), rng=rng.random)

    def leave_and_return():
        operator = rng.choice([anna, boris, clara])
        for is_active in (False, True):
            with transaction.atomic():
                lock_operators([operator.pk], source_ids=[site.pk, bot.pk], now=timezone.now())
                Operator.objects.filter(pk=operator.pk).update(is_active=is_active)
                if not is_active:
                    return_inquiries(operator.pk, by=None, now=timezone.now(), rng=rng.random)
                assign_waiting(source_ids=[site.pk, bot.pk], now=timezone.now(), rng=rng.random)

    def sweep_all():
        sweep(now=timezone.now(), rng=rng.random)

    work = [intake] * 80 + [resolve_one] * 60 + [give_one] * 20 + [reroute_one] * 20 + [reopen_one] * 10
    work += [leave_and_return] * 8 + [sweep_all] * 5
    rng.shuffle(work)

    with Observer() as observer:
        in_parallel(work, threads=8)

    assert observer.over == []
    assert observer.looks > 10
    assert over_limit() == []
    assert free_beside_waiting() == []
    assert Inquiry.objects.count() == 80
    decisions = Assignment.objects.values_list("decision", flat=True)
    assert all(replay(decision).as_record() == decision for decision in decisions)


@pytest.mark.postgresql
@pytest.mark.parametrize("had_operators", [True, False])
def test_an_intake_that_waits_for_a_lock_sees_the_operator_who_came_meanwhile(had_operators):
    site = SourceFactory(weights={OperatorFactory(name="Anna", is_active=False): 1} if had_operators else {})
    boris = OperatorFactory(name="Boris")
    supervisor_has_locked, pat_has_written = threading.Event(), threading.Event()

    def add_boris():
        with transaction.atomic(durable=True):
            lock_operators([boris.pk], source_ids=[site.pk], now=timezone.now())
            supervisor_has_locked.set()
            Weight.objects.create(source=site, operator=boris, weight=1)
            pat_has_written.wait(0.5)
            assign_waiting(source_ids=[site.pk], now=timezone.now(), rng=random.random)

    def write():
        supervisor_has_locked.wait(5)
        receipt = send(site)
        pat_has_written.set()
        return receipt

    _, receipt = in_parallel([add_boris, write])

    assert receipt.answer["operator"] == boris.pk

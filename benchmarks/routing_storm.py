"""Routing under a storm: many workers take in, resolve, hand over and switch duty, while an observer watches.

    python -m benchmarks.routing_storm [--operations 10000] [--workers 8] [--seed 1]

Runs on the database of the settings, in a test database of its own: PostgreSQL with processes, SQLite with threads.
Exit status 1 when a promise was broken. What is counted:

- over limit: the observer's looks, each one statement and so one moment, at which an operator held more than allowed;
- share error: the largest distance of anybody from their exact share, in the phase in which nobody comes or goes;
- at rest: what `checkrouting` finds when all is quiet: limits, waiting beside a free operator, records that lie;
- replayed: the decision records that lead to the same answer again, of all.
"""

import argparse
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - Django must be set up first.
from django.db.models import Count, F, Q  # noqa: E402
from django.utils import timezone  # noqa: E402

from crm.services import Submission, receive_inquiry  # noqa: E402
from leads import services  # noqa: E402
from leads.identity import email_contact  # noqa: E402
from leads.models import Assignment, Inquiry  # noqa: E402
from routing.choice import ONE, replay  # noqa: E402
from routing.models import Operator, Source, Weight  # noqa: E402

LIMITS = (1, 2, 5, 64, 100, 3, 10, 20)


def build_company() -> None:
    """Three sources that share eight operators, every strategy, limits from 1 to 100."""
    operators = [Operator.objects.create(name=f"O{n}", max_load=limit) for n, limit in enumerate(LIMITS)]
    for number, strategy in enumerate(("fair", "weighted_random", "least_loaded")):
        source = Source.objects.create(name=strategy, slug=strategy, strategy=strategy, dedup_minutes=0)
        for operator in operators[number : number + 6]:
            Weight.objects.create(source=source, operator=operator, weight=1 + operator.pk % 7)


def build_stable() -> None:
    """One fair source, operators who always have room and always are there."""
    source = Source.objects.create(name="Stable", slug="stable", dedup_minutes=0)
    for number in range(12):
        operator = Operator.objects.create(name=f"S{number}", max_load=100)
        Weight.objects.create(source=source, operator=operator, weight=1 + 3 * number)


class Worker:
    """One client: does its operations one after the other, each chosen by lot."""

    def __init__(self, number: int, seed: int):
        self.number, self.random = number, random.Random(seed * 1000 + number)
        self.done = Counter()

    def storm(self, operations: int) -> Counter:
        moves = {"take in": 42, "resolve": 30, "hand over": 10, "route again": 8, "switch duty": 6, "reopen": 4}
        for turn in range(operations):
            move = self.random.choices(list(moves), list(moves.values()))[0]
            self._do(move, turn)
        return self.done

    def stable(self, operations: int) -> Counter:
        for turn in range(operations):
            self._do("take in", turn, slug="stable")
            self._do("resolve", turn, slug="stable")
        return self.done

    def _do(self, move: str, turn: int, **where) -> None:
        try:
            getattr(self, move.replace(" ", "_"))(turn, **where)
            self.done[move] += 1
        except (services.OperatorFull, services.NobodyElse, services.InquiryResolved, services.NotResolved):
            self.done[f"{move}: refused"] += 1
        except Exception as error:
            self.done[f"UNEXPECTED {move}: {type(error).__name__}: {error}"[:200]] += 1

    def take_in(self, turn: int, slug: str = "") -> None:
        slug = slug or self.random.choice(("fair", "weighted_random", "least_loaded"))
        contact = email_contact(f"w{self.number}-{turn}-{slug}@example.com")
        source = Source.objects.get(slug=slug)
        receive_inquiry(Submission((contact,)), source=source, represent=lambda inquiry: {}, now=timezone.now())

    def resolve(self, turn: int, slug: str = "") -> None:
        held = Inquiry.objects.open().filter(operator__isnull=False, **({"source__slug": slug} if slug else {}))
        if inquiry := self._any(held):
            services.resolve_inquiry(inquiry, now=timezone.now(), rng=self.random.random)

    def hand_over(self, turn: int) -> None:
        operator = self.random.choice(list(Operator.objects.exclude(name__startswith="S")))
        if inquiry := self._any(Inquiry.objects.open()):
            services.give_inquiry(inquiry, operator, by=None, now=timezone.now(), rng=self.random.random)

    def route_again(self, turn: int) -> None:
        if inquiry := self._any(Inquiry.objects.open()):
            services.reroute_inquiry(inquiry, by=None, now=timezone.now(), rng=self.random.random)

    def reopen(self, turn: int) -> None:
        if inquiry := self._any(Inquiry.objects.filter(resolved_at__isnull=False, source__slug="fair")):
            services.reopen_inquiry(inquiry, by=None, now=timezone.now(), rng=self.random.random)

    def switch_duty(self, turn: int) -> None:
        operator = self.random.choice(list(Operator.objects.exclude(name__startswith="S")))
        switch(operator.pk, is_active=self.random.random() < 0.6, rng=self.random.random)

    def _any(self, inquiries):
        return self.random.choice(list(inquiries.order_by("-id").values_list("pk", flat=True)[:50]) or [None])


def switch(operator_id: int, *, is_active: bool, rng=random.random) -> None:
    """What the desk does when a supervisor switches somebody on or off."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        services.lock_operators([operator_id], now=now)
        Operator.objects.filter(pk=operator_id).update(is_active=is_active)
        sources = Weight.objects.filter(operator=operator_id).values_list("source_id", flat=True)
        services.assign_waiting(source_ids=list(sources), now=now, rng=rng)


def observe(stop, looks) -> None:
    """Look again and again, each time with one statement, whether anybody holds too many or is off their share."""
    open_ones = Count("inquiries", filter=Q(inquiries__resolved_at=None))
    while not stop.is_set():
        over = Operator.objects.annotate(held=open_ones).filter(held__gt=F("max_load")).count()
        credits = Weight.objects.filter(source__slug="stable").values_list("due", "received_count")
        worst = max((abs(due - received * ONE) for due, received in credits), default=0)
        looks["looks"] += 1
        looks["over limit"] += over
        looks["share error"] = max(looks["share error"], worst)
        time.sleep(0.005)
    connection.close()


def in_parallel(method: str, *, operations: int, workers: int, seed: int) -> Counter:
    """Let the workers do their operations at the same time: in processes where rows can be locked, else in threads."""
    share = operations // workers
    if connection.vendor == "postgresql":
        connection.close()
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            counters = pool.starmap(work, [(method, n, seed, share) for n in range(workers)])
    else:
        counters = []
        jobs = [(method, n, seed, share) for n in range(workers)]
        threads = [threading.Thread(target=lambda job=job: counters.append(work(*job))) for job in jobs]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    return sum(counters, Counter())


def work(method: str, number: int, seed: int, share: int) -> Counter:
    try:
        return getattr(Worker(number, seed), method)(share)
    finally:
        connection.close()


def phase(method: str, **run) -> tuple[Counter, Counter, float]:
    """One phase with its observer. Gives what was done, what was seen, and the seconds it took."""
    stop, looks = threading.Event(), Counter()
    started = time.monotonic()
    observer = threading.Thread(target=observe, args=(stop, looks))
    if connection.vendor == "postgresql":
        # Forked before the observer's thread begins, or its locks would be copied as they happen to be.
        watch = multiprocessing.get_context("fork").Process
        with multiprocessing.get_context("fork").Manager() as manager:
            stop, shared = manager.Event(), manager.dict({"looks": 0, "over limit": 0, "share error": 0})
            connection.close()
            observer = watch(target=observe, args=(stop, shared))
            observer.start()
            done = in_parallel(method, **run)
            stop.set()
            observer.join()
            looks = Counter(dict(shared))
    else:
        observer.start()
        done = in_parallel(method, **run)
        stop.set()
        observer.join()
    return done, looks, time.monotonic() - started


def at_rest() -> tuple[list, int, int]:
    """What the check finds, and how many of all decision records replay, and how many there are."""
    with transaction.atomic():
        found = list(services.violations(now=timezone.now()))
    total = replayed = 0
    for record in Assignment.objects.values_list("decision", flat=True).iterator():
        total += 1
        replayed += replay(record).as_record() == record
    return found, replayed, total


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--operations", type=int, default=10_000)
    arguments.add_argument("--workers", type=int, default=8)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    if connection.vendor == "sqlite":
        # A file: threads cannot share a database in memory.
        connection.settings_dict["TEST"]["NAME"] = f"{connection.settings_dict['NAME']}.storm"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return run(options)
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


def run(options) -> int:
    size = {"workers": options.workers, "seed": options.seed}
    build_stable()
    stable, stable_seen, stable_seconds = phase("stable", operations=options.operations // 4, **size)
    build_company()
    stormy, storm_seen, storm_seconds = phase("storm", operations=options.operations, **size)
    found, replayed, total = at_rest()

    share_error = stable_seen["share error"] / ONE
    over = stable_seen["over limit"] + storm_seen["over limit"]
    unexpected = [name for name in stable + stormy if name.startswith("UNEXPECTED")]
    waiting = Inquiry.objects.waiting().count()
    print(f"{connection.vendor}, {options.workers} workers, seed {options.seed}")
    print(
        f"stable phase   {sum(stable.values()):>7} operations in {stable_seconds:.0f} s; share error {share_error:.3f}"
    )
    print(f"storm          {sum(stormy.values()):>7} operations in {storm_seconds:.0f} s")
    for name, count in sorted(stormy.items()):
        print(f"    {name:<24}{count:>7}")
    print(f"observer       {stable_seen['looks'] + storm_seen['looks']:>7} looks; over limit {over}")
    print(f"at rest        {len(found):>7} violations; {waiting} waiting")
    print(f"replayed       {replayed:>7} of {total} decisions")
    for violation in found[:5]:
        print("   ", violation.kind, violation.sentence)
    is_well = not (over or found or unexpected) and share_error < 1 and replayed == total
    print("all promises held" if is_well else "A PROMISE WAS BROKEN")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

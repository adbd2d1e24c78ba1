"""How fast batches of 1,000 inquiries are taken in, beside single posts and beside what COPY writes.

    python -m benchmarks.batch [--items 1000] [--posts 400] [--rounds 3]

Runs the web server on a private PostgreSQL; every item brings a new lead and an idempotency key, to a source of
20 operators. In each round come single posts at 16 clients, a batch by one client, batches by four at once, and the
floor: the same rows without their keys, by COPY into the five tables. Four batches are more than 20 operators may
have: half of them wait. At the end a batch runs beside single posts, which should hardly notice.
Exit status 1 when an item is not accepted, or batches bring fewer than 4 times as many leads a second as single posts.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections import defaultdict
from itertools import takewhile

from benchmarks._floor import copy_rate
from benchmarks._load import (
    Run,
    batch,
    check_promises,
    header,
    inquiries,
    post_inquiries,
    row,
    send_all,
    spread,
)
from benchmarks._servers import Site, sites_at_scale

MARK = 4
OPERATORS = 20
WARM_UP = 50
#: Some of them find everyone full, as many of the batch do.
SINGLE_POSTS = 100_000


def main() -> int:
    options = parse_arguments()
    rates = defaultdict(list)
    with sites_at_scale(OPERATORS) as (site,), site.serving():
        post_inquiries(site, OPERATORS, WARM_UP, clients=16)
        for _ in range(options.rounds):
            rates["single posts, 16 clients"].append(
                post_inquiries(site, OPERATORS, options.posts, clients=16).per_second
            )
            rates["COPY, the floor"].append(copy_rate(site, options.items))
            site.resolve_all()
            for clients in (1, 4):
                rates[f"batches, {clients} at once"].append(batch_rate(site, clients=clients, items=options.items))
        beside, seconds = asyncio.run(post_beside_a_batch(site, items=options.items))
    report(rates)
    times = f"p50 {beside.percentile(0.5):.0f} ms, p99 {beside.percentile(0.99):.0f} ms"
    print(f"{len(beside.latencies)} single posts of 4 clients beside a batch of {seconds:.1f} s: {times}")
    return verdict(rates)


def parse_arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--items", type=int, default=1000, help="a batch, 1 to 1000")
    arguments.add_argument("--posts", type=int, default=400, help="single posts a round, 16 to 1900")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    if not (1 <= options.items <= 1000 and 16 <= options.posts <= 1900 and options.rounds > 0):
        arguments.error("--items must be 1 to 1000, --posts 16 to 1900, --rounds 1 or more")
    return options


def batch_rate(site: Site, *, clients: int, items: int) -> float:
    """Return the leads a second that so many batches at once bring."""
    requests = [batch(site, OPERATORS, items) for _ in range(clients)]
    run = asyncio.run(send_all(site, requests, clients=clients, is_kept=True))
    for answer in run.answers:
        check_items(answer.body)
    check_promises(site, clients * items)
    site.resolve_all()
    return clients * items / run.seconds


def check_items(body: bytes) -> None:
    """Exit unless every item of a batch's answer was accepted."""
    refused = [result for result in json.loads(body)["results"] if result["status"] != 201]
    if refused:
        sys.exit(f"{len(refused)} items of a batch were not accepted, for example {refused[0]}")


async def post_beside_a_batch(site: Site, *, items: int) -> tuple[Run, float]:
    """Return single posts that were sent for as long as a batch took, and how long that was."""
    running = asyncio.create_task(send_all(site, [batch(site, OPERATORS, items)], clients=1, is_kept=True))
    singles = takewhile(lambda _: not running.done(), inquiries(site, OPERATORS, SINGLE_POSTS))
    run = await send_all(site, singles, clients=4)
    answered = await running
    check_items(answered.answers[0].body)
    return run, answered.seconds


def report(rates: dict[str, list[float]]) -> None:
    single = statistics.median(rates["single posts, 16 clients"])
    header("", "leads/s, median (range)", "of single posts")
    for name, values in rates.items():
        row(name, spread(values), f"{statistics.median(values) / single:.1f}")


def verdict(rates: dict[str, list[float]]) -> int:
    single = statistics.median(rates["single posts, 16 clients"])
    best = max(statistics.median(values) for name, values in rates.items() if name.startswith("batches"))
    is_met = best >= MARK * single
    print(
        f"batches bring {best / single:.1f} times the leads of single posts (mark: {MARK})"
        + ("" if is_met else ": MISSED")
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())

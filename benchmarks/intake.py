"""How fast inquiries are taken in over HTTP, beside what the database alone needs for the same rows.

    python -m benchmarks.intake [--posts 400] [--rounds 3] [--floor-seconds 3]

Runs the web server on a private PostgreSQL, with sources of 5 and 20 operators, at 16 clients and at one, and the
embedded run on SQLite with its live worker at 16 clients. Every post brings a new lead and an idempotency key. The
floor is pgbench: the rows of one inquiry by plain INSERTs in one transaction, on the same server in the same rounds.
Exit status 1 when a post fails, an accepted inquiry is not there with all its rows, or a limit is exceeded. The
figures are medians of the rounds, and no marks.
"""

import argparse
import statistics
import sys
from collections import defaultdict

from benchmarks import _floor
from benchmarks._load import Run, header, post_inquiries, row
from benchmarks._processes import cpu_seconds
from benchmarks._servers import Site, embedded_site, serve, sites_at_scale

#: Operators and clients. One client sends a quarter of the posts: it takes as long.
CASES = ((5, 16), (20, 16), (5, 1), (20, 1))
WARM_UP = 50
#: More would not fit the limits of five operators.
MAX_POSTS = 480


def main() -> int:
    options = parse_arguments()
    header("operators", "clients", "posts/s", "p50 / p99 ms", "CPU ms a post, application + database", "of the floor")
    with sites_at_scale(5, 20) as (site,), site.serving():
        at_scale(site, options)
    with embedded_site(20) as site, site.serving(serve(site)):
        embedded(site, options)
    print("every accepted inquiry is there, and nobody has more than their limit")
    return 0


def parse_arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--posts", type=int, default=400, help=f"at 16 clients, 16 to {MAX_POSTS}")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--floor-seconds", type=int, default=3)
    options = arguments.parse_args()
    if not 16 <= options.posts <= MAX_POSTS or options.rounds < 1 or options.floor_seconds < 1:
        arguments.error(f"--posts must be 16 to {MAX_POSTS}, the others 1 or more")
    return options


def at_scale(site: Site, options: argparse.Namespace) -> None:
    post_inquiries(site, 20, WARM_UP, clients=16)
    runs, costs, floors = defaultdict(list), defaultdict(list), defaultdict(list)
    pids = (site.web.pid, site.postmaster())
    for _ in range(options.rounds):
        for case in CASES:
            run, cost = measured(site, *case, options.posts, pids)
            runs[case].append(run)
            costs[case].append(cost)
        for clients in (16, 1):
            floors[clients].append(floor(site, clients, seconds=options.floor_seconds))
    for case in CASES:
        rates = [figures[0] for figures in floors[case[1]] if figures]
        share = f"{rate_of(runs[case]) / statistics.median(rates):.2f}" if rates else "–"
        row(*case, *figures_of(runs[case]), cost_of(costs[case]), share)
    for clients, figures in floors.items():
        if all(figures):
            rate, latency, cost = (statistics.median(column) for column in zip(*figures, strict=True))
            row("floor", clients, f"{rate:.0f}", f"mean {latency:.1f}", f"0 + {cost:.1f}", "1")


def embedded(site: Site, options: argparse.Namespace) -> None:
    post_inquiries(site, 20, WARM_UP, clients=16)
    measures = [measured(site, 20, 16, options.posts, (site.web.pid,)) for _ in range(options.rounds)]
    cost = cost_of([cost for _, cost in measures])
    row("20, embedded on SQLite", 16, *figures_of([run for run, _ in measures]), f"{cost} in all, triage too", "–")


def measured(site: Site, operators: int, clients: int, posts: int, pids: tuple) -> tuple[Run, list[float]]:
    """Return a run, and the milliseconds of CPU that each of these processes spent on a post."""
    before = [cpu_seconds(pid) for pid in pids]
    count = posts if clients > 1 else posts // 4
    run = post_inquiries(site, operators, count, clients=clients)
    return run, [1000 * (cpu_seconds(pid) - start) / count for pid, start in zip(pids, before, strict=True)]


def floor(site: Site, clients: int, *, seconds: int) -> tuple[float, float, float] | None:
    """Return transactions a second, and the milliseconds and CPU milliseconds of one."""
    postmaster = site.postmaster()
    before = cpu_seconds(postmaster)
    figures = _floor.pgbench(site, clients=clients, seconds=seconds)
    if figures is None:
        return None
    cost = 1000 * (cpu_seconds(postmaster) - before) / (figures[0] * seconds)
    site.resolve_all()
    return *figures, cost


def rate_of(runs: list[Run]) -> float:
    return statistics.median(run.per_second for run in runs)


def figures_of(runs: list[Run]) -> tuple[str, str]:
    middle, slow = (statistics.median(run.percentile(share) for run in runs) for share in (0.5, 0.99))
    return f"{rate_of(runs):.0f}", f"{middle:.1f} / {slow:.1f}"


def cost_of(costs: list[list[float]]) -> str:
    return " + ".join(f"{statistics.median(column):.1f}" for column in zip(*costs, strict=True))


if __name__ == "__main__":
    sys.exit(main())

"""Whether the intake is as fast after a million inquiries as after a thousand.

    python -m benchmarks.history [--inquiries 1000000] [--posts 400] [--rounds 5] [--memory 100000]

Two databases on one private PostgreSQL, one with 1,000 inquiries and one with many, each served by a web server of its
own. Rounds of the same posts go to one and to the other in turn, at 16 clients and 20 operators. Then 30,000 inquiries
of those operators are resolved with autovacuum off, so that their dead index entries stay, and the rounds are
repeated. With --memory, so many inquiries are posted to the small one and the web process's memory is read on the way.
Exit status 1 when the large database is posted to at less than 0.9 times the speed of the small one.
"""

import argparse
import statistics
import sys

from benchmarks._load import Run, header, post_inquiries, row, spread
from benchmarks._processes import resident_megabytes
from benchmarks._servers import Site, sites_at_scale

MARK = 0.9
SMALL = 1_000
OPERATORS = 20
WARM_UP = 200
RESOLVED_SINCE_VACUUM = 30_000
MEMORY_STEPS = 10
#: As many as twenty operators may have.
FITTING = 1_900
BENCH_OPERATORS = (
    "SELECT w.operator_id FROM routing_weight w"
    " WHERE w.source_id IN (SELECT id FROM routing_source WHERE slug LIKE 'bench-%')"
)
HELD = f"resolved_at IS NULL AND operator_id IN ({BENCH_OPERATORS})"


def main() -> int:
    options = parse_arguments()
    with sites_at_scale(OPERATORS, databases=2) as (small, large):
        small.fill(SMALL)
        large.fill(options.inquiries)
        for site in (small, large):
            # Vacuumed in one of the two databases, it would be measured in one of the two.
            site.execute("ALTER TABLE leads_inquiry SET (autovacuum_enabled = off)")
        with small.serving(), large.serving():
            header("inquiries", "posts/s, median (range)", "p50 / p99 ms", "of the small one's")
            clean = compare(small, large, f"{options.inquiries:,}", options)
            resolved = resolve_since_vacuum(large)
            dirty = compare(small, large, f"{options.inquiries:,}, {resolved:,} resolved since", options)
            if options.memory:
                watch_memory(small, options.memory)
    is_met = min(clean, dirty) >= MARK
    print(f"at least {min(clean, dirty):.2f} of the speed (mark: {MARK})" + ("" if is_met else ": MISSED"))
    return 0 if is_met else 1


def parse_arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--inquiries", type=int, default=1_000_000)
    arguments.add_argument("--posts", type=int, default=400, help=f"a round, 16 to {FITTING}")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument(
        "--memory", type=int, default=0, metavar="POSTS", help="watch the memory over so many posts"
    )
    options = arguments.parse_args()
    if options.inquiries < SMALL or not 16 <= options.posts <= FITTING or options.rounds < 1 or options.memory < 0:
        arguments.error(f"--inquiries must be {SMALL} or more, --posts 16 to {FITTING}, --rounds 1 or more")
    return options


def compare(small: Site, large: Site, name: str, options: argparse.Namespace) -> float:
    """Post to both in turn, print both, and return the large one's share of the small one's speed."""
    for site in (small, large):
        post_inquiries(site, OPERATORS, min(WARM_UP, options.posts), clients=16)
    rounds = [
        [post_inquiries(site, OPERATORS, options.posts, clients=16) for site in (small, large)]
        for _ in range(options.rounds)
    ]
    few, many = zip(*rounds, strict=True)
    share = median_rate(many) / median_rate(few)
    for label, runs, part in ((f"{SMALL:,}", few, "1"), (name, many, f"**{share:.2f}**")):
        middle, slow = (statistics.median(run.percentile(place) for run in runs) for place in (0.5, 0.99))
        row(label, spread([run.per_second for run in runs]), f"{middle:.1f} / {slow:.1f}", part)
    return share


def median_rate(runs: tuple[Run, ...]) -> float:
    return statistics.median(run.per_second for run in runs)


def resolve_since_vacuum(site: Site) -> int:
    """Let the operators who are posted to resolve many inquiries that nothing is cleaned up after. Return how many."""
    newest = "SELECT id FROM leads_inquiry WHERE resolved_at IS NOT NULL AND operator_id IS NOT NULL ORDER BY id DESC"
    site.execute(
        f"WITH team AS (SELECT array_agg(operator_id) AS ids FROM ({BENCH_OPERATORS}) bench), "
        f"chosen AS (SELECT id, row_number() OVER () AS place FROM ({newest} LIMIT {RESOLVED_SINCE_VACUUM}) newest) "
        "UPDATE leads_inquiry i SET resolved_at = NULL, operator_id = team.ids[1 + place % cardinality(team.ids)] "
        "FROM team, chosen WHERE i.id = chosen.id"
    )
    count = site.count(f"leads_inquiry WHERE {HELD}")
    site.execute("VACUUM (ANALYZE) leads_inquiry")
    site.execute(f"UPDATE leads_inquiry SET resolved_at = now() WHERE {HELD}")
    return count


def watch_memory(site: Site, posts: int) -> None:
    """Post many inquiries, and print what the web process and its children hold on the way."""
    print()
    header("posted", "resident memory, MB")
    row(0, f"{resident_megabytes(site.web.pid):.0f}")
    step = max(1, posts // MEMORY_STEPS)
    for start in range(0, posts, step):
        for place in range(start, min(start + step, posts), FITTING):
            count = min(FITTING, start + step - place, posts - place)
            post_inquiries(site, OPERATORS, count, clients=16)
        row(f"{min(start + step, posts):,}", f"{resident_megabytes(site.web.pid):.0f}")


if __name__ == "__main__":
    sys.exit(main())

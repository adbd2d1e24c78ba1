"""How long the desk's pages take on a long history, beside the same pages on a short one.

    python -m benchmarks.desk [--inquiries 1000000] [--rounds 3]

Two databases on one private PostgreSQL, with 1,000 inquiries and with many, a hundred of them open in both. The pages
are asked for in turn by Django's test client as a superuser: no network and no browser are in the figures.
Exit status 1 when a page needs another number of queries on the long history. A page that takes more than 3 times as
long is marked; it is no reason to fail.
"""

import argparse
import json
import statistics
import sys

from benchmarks._load import header, row
from benchmarks._servers import Site, sites_at_scale

SMALL = 1_000
SLOW = 3


def main() -> int:
    options = parse_arguments()
    with sites_at_scale(databases=2) as (small, large):
        small.fill(SMALL)
        large.fill(options.inquiries)
        rounds = [(look(small), look(large)) for _ in range(options.rounds)]
    few, many = zip(*rounds, strict=True)
    header("page", f"ms at {SMALL:,}", f"ms at {options.inquiries:,}", "ratio", "queries")
    differing = [name for name in few[0] if not compare(name, few, many)]
    print(f"queries differ: {', '.join(differing)}" if differing else "every page needs as many queries in both")
    return 1 if differing else 0


def parse_arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--inquiries", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    if options.inquiries < SMALL or options.rounds < 1:
        arguments.error(f"--inquiries must be {SMALL} or more, --rounds 1 or more")
    return options


def look(site: Site) -> dict[str, dict]:
    return json.loads(site.run("-m", "benchmarks._desk_pages").strip().splitlines()[-1])


def compare(name: str, few: tuple[dict, ...], many: tuple[dict, ...]) -> bool:
    """Print a page's figures and return whether it needs as many queries in both."""
    short, long = (statistics.median(pages[name]["milliseconds"] for pages in rounds) for rounds in (few, many))
    ratio = f"**{long / short:.1f}**" if long > SLOW * short else f"{long / short:.1f}"
    # The fewest of all rounds: a cache that has run out in between costs one more.
    queries = [min(pages[name]["queries"] for pages in rounds) for rounds in (few, many)]
    is_equal = queries[0] == queries[1]
    row(name, f"{short:.0f}", f"{long:.0f}", ratio, queries[0] if is_equal else " → ".join(map(str, queries)))
    return is_equal


if __name__ == "__main__":
    sys.exit(main())

"""Whether clients that send a byte now and then hold up the others: `make run` as it is, with 500 of them and without.

    python -m benchmarks.slow_clients [--slow 500] [--posts 400] [--rounds 3]

Half of the slow clients are in the middle of their headers, half in the middle of a body. The marks: every post
succeeds, and the 99th percentile beside them is at most three times the quiet one.
"""

import argparse
import asyncio
import statistics
import sys
from contextlib import asynccontextmanager

from benchmarks._load import Run, header, inquiries, row, send_all
from benchmarks._servers import Site, embedded_site, serve

OPERATORS = 20
CLIENTS = 4
SECONDS_BETWEEN_BYTES = 2
MARK = 3
HEADERS_BEGUN = b"POST /api/v1/inquiries HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY_BEGUN = (
    b"POST /api/v1/inquiries HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer crm_no_key\r\n"
    b"Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--posts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with embedded_site(OPERATORS) as site, site.serving(serve(site)):
        rounds = [asyncio.run(measure(site, options)) for _ in range(options.rounds)]
    header("slow clients", "p50 ms", "p99 ms", "posts/s")
    medians = []
    for count, runs in zip((0, options.slow), zip(*rounds, strict=True), strict=True):
        figures = [(run.percentile(0.5), run.percentile(0.99), run.per_second) for run in runs]
        medians.append([statistics.median(column) for column in zip(*figures, strict=True)])
        row(count, *(f"{value:.1f}" for value in medians[-1]))
    ratio = medians[1][1] / medians[0][1]
    print(f"\np99 beside the slow ones: {ratio:.2f} of the quiet one; mark: at most {MARK}")
    return 0 if ratio <= MARK else 1


async def measure(site: Site, options: argparse.Namespace) -> tuple[Run, Run]:
    """Post, first alone and then beside the slow clients."""
    quiet = await post(site, options.posts)
    async with slow_clients(site, options.slow):
        return quiet, await post(site, options.posts)


async def post(site: Site, count: int) -> Run:
    run = await send_all(site, inquiries(site, OPERATORS, count), clients=CLIENTS)
    site.resolve_all()
    return run


@asynccontextmanager
async def slow_clients(site: Site, count: int):
    """Hold so many requests open, each a byte further every few seconds."""
    streams = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(count)]
    for number, (_, writer) in enumerate(streams):
        writer.write(BODY_BEGUN if number % 2 else HEADERS_BEGUN)

    async def trickle():
        while True:
            for _, writer in streams:
                writer.write(b"x")
                await asyncio.sleep(SECONDS_BETWEEN_BYTES / count)

    task = asyncio.create_task(trickle())
    try:
        await asyncio.sleep(2 * SECONDS_BETWEEN_BYTES)
        yield
    finally:
        task.cancel()
        for _, writer in streams:
            writer.close()


if __name__ == "__main__":
    sys.exit(main())

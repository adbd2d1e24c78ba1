"""A load client: some keep-alive connections, each sending one request after the other and timing the answers."""

import asyncio
import json
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks._servers import OPEN, Site

PATIENCE_SECONDS = 600
QUESTIONS = (
    "Нужна цена на {n} мест, срок до пятницы. Номер {tag}",
    "How much is the plan for {n} users? We are deciding this week, reference {tag}",
    "Заказ {tag} не пришёл, обещали вчера. Верните деньги за {n} штук",
    "The report does not open for {n} of us since this morning, ticket {tag}",
    "Здравствуйте, сколько стоит доставка {n} коробок? {tag}",
)


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    seconds: float


@dataclass
class Run:
    """What was sent and how long each answer took."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    first_failure: bytes = b""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the requests was answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def note(self, answer: Answer, *, is_kept: bool) -> None:
        self.latencies.append(answer.seconds)
        self.statuses[answer.status] += 1
        if is_kept:
            self.answers.append(answer)
        if not 200 <= answer.status < 300 and not self.first_failure:
            self.first_failure = answer.body[:500]


class Connection:
    """One HTTP/1.1 connection that is kept open."""

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port
        self.reader = self.writer = None

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    def close(self) -> None:
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    async def send(self, request: Request) -> Answer:
        """Send a request and return the answer. A connection that the server has closed since is opened again."""
        started = time.perf_counter()
        is_fresh = self.writer is None
        if is_fresh:
            await self.open()
        try:
            status, body = await self._exchange(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if is_fresh:
                raise
            # It has an idempotency key: sent twice, it is taken in once.
            await self.open()
            status, body = await self._exchange(request)
        return Answer(status, body, time.perf_counter() - started)

    async def _exchange(self, request: Request) -> tuple[int, bytes]:
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in request.headers]
        lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + request.body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        body = await self._body(headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), body

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding", "").lower() != "chunked":
            raise ConnectionError("The answer says neither how long it is nor that it comes in chunks.")
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readuntil(b"\r\n")
        return body


async def send_all(
    site: Site, requests: Iterable[Request], *, clients: int, is_kept: bool = False, success=range(200, 300)
) -> Run:
    """Send all requests over as many connections, opened before the first is timed. Exits when one does not succeed.

    The answers themselves are kept only when asked for.
    """
    connections = [Connection("127.0.0.1", site.port) for _ in range(clients)]
    for connection in connections:
        await connection.open()
    run, requests = Run(), iter(requests)

    async def client(connection: Connection) -> None:
        for request in requests:
            run.note(await asyncio.wait_for(connection.send(request), PATIENCE_SECONDS), is_kept=is_kept)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    run.seconds = time.perf_counter() - started
    # The times of a run with failures say nothing.
    if set(run.statuses) - set(success):
        sys.exit(f"Not every request succeeded: {dict(run.statuses)}, for example {run.first_failure.decode()!r}")
    return run


def post_inquiries(site: Site, operators: int, count: int, *, clients: int) -> Run:
    """Post new leads' inquiries to the source with so many operators, and give their places back afterwards.

    Exits when an inquiry that was accepted is not there with its assignment and its job, or somebody has too many.
    """
    run = asyncio.run(send_all(site, inquiries(site, operators, count), clients=clients))
    check_promises(site, count)
    site.resolve_all()
    return run


def check_promises(site: Site, count: int) -> None:
    """Exit unless exactly so many inquiries are open, whole, and within the limits."""
    assigned = "EXISTS (SELECT 1 FROM leads_assignment a WHERE a.inquiry_id = leads_inquiry.id)"
    with_job = "EXISTS (SELECT 1 FROM triage_job j WHERE j.inquiry_id = leads_inquiry.id)"
    whole = site.count(f"leads_inquiry WHERE {OPEN} AND {assigned} AND {with_job}")
    held = "(SELECT count(*) FROM leads_inquiry i WHERE i.operator_id = o.id AND i.resolved_at IS NULL)"
    overloaded = site.count(f"routing_operator o WHERE {held} > o.max_load")
    if whole != count or overloaded:
        sys.exit(
            f"A PROMISE WAS BROKEN: {count} inquiries were accepted, {whole} are there with all their rows; "
            f"{overloaded} operators have more than their limit."
        )


def inquiries(site: Site, operators: int, count: int) -> Iterator[Request]:
    """Yield requests that each bring a new lead, with an idempotency key."""
    tag = secrets.token_hex(4)
    for number in range(count):
        key = ("Idempotency-Key", f"{tag}-{number}")
        yield Request("/api/v1/inquiries", json.dumps(item(tag, number)).encode(), (*authorized(site, operators), key))


def batch(site: Site, operators: int, size: int) -> Request:
    """Return a request that brings so many new leads at once, each with an idempotency key."""
    tag = secrets.token_hex(4)
    items = [item(tag, number) | {"idempotency_key": f"{tag}-{number}"} for number in range(size)]
    return Request("/api/v1/inquiries/batch", json.dumps({"items": items}).encode(), authorized(site, operators))


def item(tag: str, number: int) -> dict:
    question = QUESTIONS[number % len(QUESTIONS)].format(n=number % 90 + 2, tag=f"{tag}-{number}")
    return {"email": f"{tag}-{number}@example.com", "name": f"Load {number}", "message": question}


def authorized(site: Site, operators: int) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {site.keys[operators]}"),)


def row(*cells) -> None:
    """Print a row of a Markdown table at once."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def header(*cells: str) -> None:
    row(*cells)
    row(*["---"] * len(cells))


def spread(values: list[float], form: str = ".0f") -> str:
    """Return the median of some rounds with the least and the greatest: `120 (111–128)`."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"

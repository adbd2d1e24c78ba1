"""A small living company, and what people write to it, through the real intake."""

import time
from contextlib import contextmanager
from socket import create_server
from threading import Thread

import httpx
import waitress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from tqdm import tqdm

from crm.demo.company import found_company, sample_inquiries
from crm.keys import create_key
from crm.models import ApiKey, Scope
from leads.models import Inquiry
from triage.analyzers.registry import get_analyzer
from triage.models import JobKind
from triage.queries import open_jobs
from triage.services import read_inquiry

#: How long a running worker is given to read everything before the demo reads what is left itself.
PATIENCE_SECONDS = 10
#: A connection that its client does not close may stay open so long.
CLOSE_SECONDS = 5
CONTACTS = ("name", "email", "phone", "external_id", "message")


class Command(BaseCommand):
    help = "Make the sample company and send it real inquiries over HTTP. Running it twice adds nothing."

    def add_arguments(self, parser):
        parser.add_argument("--url", help="where the service runs; without it, the demo serves for itself")

    def handle(self, *, url=None, **options):
        with transaction.atomic(durable=True):
            sources = found_company()
        sent = set(Inquiry.objects.filter(source__in=sources).values_list("extra__demo", flat=True))
        samples = [sample for sample in sample_inquiries() if sample["number"] not in sent]
        if samples:
            with keys_of(sources) as keys, service_at(url) as address:
                self._send(samples, keys=keys, address=address)
        # Embedded, the worker lives with the serving process: where there is none, there is nothing to wait for.
        self._have_read(sources, patience=PATIENCE_SECONDS if url or not settings.EMBEDDED else 0)
        self.stdout.write(table(sources))

    def _send(self, samples: list[dict], *, keys: dict[str, str], address: str) -> None:
        # As the proxy says that ends TLS: where plain HTTP is refused, this machine's own may pass.
        headers = {"X-Forwarded-Proto": "https"}
        with httpx.Client(base_url=address, timeout=30, headers=headers, trust_env=False) as client:
            bar = tqdm(samples, desc="Leads write", unit="", file=self.stderr, leave=False)
            answered = [location for sample in bar if (location := post(client, sample, key=keys[sample["source"]]))]
            for source, location in answered:
                client.patch(location, json={"status": "resolved"}, headers=bearer(keys[source])).raise_for_status()

    def _have_read(self, sources, *, patience: float) -> None:
        """Wait for the workers; what they have not read in time is read here, which the job's lease makes safe."""
        pending = open_jobs().filter(kind=JobKind.INSIGHT, inquiry__source__in=sources)
        total = pending.count()
        deadline = time.monotonic() + patience
        with tqdm(total=total, desc="Triage reads", unit="", file=self.stderr, leave=False) as bar:
            while (left := pending.count()) and time.monotonic() < deadline:
                bar.update(total - left - bar.n)
                time.sleep(0.1)
            for job_id in pending.values_list("pk", flat=True):
                read_inquiry(job_id, analyzer=get_analyzer())
                bar.update()


@contextmanager
def keys_of(sources):
    """An API key for each source, by its slug, for as long as the demo sends."""
    made = {source.slug: create_key(source, name="demo", scope=Scope.FULL) for source in sources}
    try:
        yield {slug: key for slug, (_, key) in made.items()}
    finally:
        ApiKey.objects.filter(pk__in=[row.pk for row, _ in made.values()]).delete()


@contextmanager
def service_at(url: str | None):
    """The address to post to: the one given, or a server of our own on a free port for as long as it is needed."""
    if url:
        yield url
        return
    application = get_wsgi_application()

    def on_a_connection_of_its_own(environ, start_response):
        try:
            return application(environ, start_response)
        finally:
            connection.close()

    listener = create_server(("127.0.0.1", 0))
    server = waitress.create_server(on_a_connection_of_its_own, sockets=[listener], threads=4)
    loop = Thread(target=server.run, daemon=True)
    loop.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        # Its threads first: one that has just answered still wants to wake the server.
        server.task_dispatcher.shutdown()
        # Closed by its own thread: a socket that is closed while that one waits for it is an error there.
        server.trigger.pull_trigger(server.close)
        loop.join(timeout=CLOSE_SECONDS)


def post(client: httpx.Client, sample: dict, *, key: str) -> tuple[str, str] | None:
    """Send one sample as a site would. Gives the source and address of an inquiry that is to be resolved.

    Raises CommandError when it is not taken.
    """
    body = {name: sample[name] for name in CONTACTS if name in sample}
    body["extra"] = sample.get("extra", {}) | {"demo": sample["number"]}
    headers = bearer(key) | {"Idempotency-Key": f"demo-{sample['number']}"}
    for _ in range(1 + sample.get("twice", False)):
        response = client.post("/api/v1/inquiries", json=body, headers=headers)
        if response.status_code not in (200, 201):
            raise CommandError(f"Sample {sample['number']} was refused: {response.status_code} {response.text}")
    return (sample["source"], response.headers["Location"]) if sample.get("resolve") else None


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def table(sources) -> str:
    """Who wrote where, who holds it or why nobody does, and what triage made of it."""
    inquiries = Inquiry.objects.filter(source__in=sources, extra__has_key="demo")
    inquiries = inquiries.select_related("lead", "source", "operator").prefetch_related("insights").order_by("id")
    rows = [("SOURCE", "LEAD", "OPERATOR, OR WHY IT WAITS", "INTENT", "PRIORITY", "NEXT ACTION")]
    for inquiry in inquiries:
        why_nobody = inquiry.get_waiting_reason_display() or inquiry.status
        holder = inquiry.operator.name if inquiry.operator else f"({why_nobody})"
        insight = next(iter(inquiry.insights.all()), None)
        read = (insight.intent, insight.priority, insight.next_action) if insight else ("not read yet", "", "")
        rows.append((inquiry.source.name, str(inquiry.lead), holder, *read))
    widths = [min(36, max(len(row[column]) for row in rows)) for column in range(6)]
    lines = ("  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)

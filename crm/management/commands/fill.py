"""A database with a long history, made up in minutes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count, cycle
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.models import AutoField, DateTimeField, F, Field, Max, Model
from django.utils import timezone
from tqdm import tqdm

from crm.demo.history import Desk, History, Rows
from leads.models import Assignment, Identity, Inquiry, Lead, LeadDetail
from routing.choice import ONE, Candidate, Strategy
from routing.models import Operator, Source, Weight
from triage.models import Insight, Job

#: In the order of their references: what a row refers to is written before it.
MODELS = (Lead, Identity, LeadDetail, Inquiry, Assignment, Job, Insight)
#: Inquiries a transaction: one ends in a second or two, and memory holds no more than three chunks.
CHUNK = 5_000
MAX_LIMIT = 100
#: How full the operators of the first source are made: so few places that some of the last inquiries wait.
FULLNESS = 0.7


class Command(BaseCommand):
    help = (
        "Fill a database with made-up history in minutes, for measuring: leads, inquiries spread over a year, their "
        "assignments, jobs and insights. Each run makes sources and operators of its own."
    )

    def add_arguments(self, parser):
        parser.add_argument("--inquiries", type=int, required=True, metavar="N")
        parser.add_argument("--sources", type=int, default=4, metavar="N")
        parser.add_argument("--operators", type=int, default=20, metavar="N")
        parser.add_argument(
            "--open", type=int, metavar="N", help="how many are open; default: 100, or a tenth if fewer"
        )
        parser.add_argument("--add", action="store_true", help="add to a database that holds inquiries already")

    def handle(self, *, inquiries, sources, operators, add, **options):
        open_count = min(100, inquiries // 10) if options["open"] is None else options["open"]
        refuse_nonsense(inquiries=inquiries, sources=sources, operators=operators, open_count=open_count)
        if not add and Inquiry.objects.exists():
            raise CommandError("The database holds inquiries already. --add adds to them.")
        now, series = timezone.now(), next_series()
        with transaction.atomic(durable=True):
            desks = found_desks(series, sources=sources, operators=operators, open_count=open_count)
        history = History(desks, series=series, total=inquiries, open_count=open_count, now=now)
        with tqdm(total=inquiries, desc="Filling", unit=" inquiries", file=self.stderr) as bar:
            for rows in made_ahead(history):
                write_rows(rows)
                bar.update(len(rows[Inquiry]))
        analyze()
        waiting = Inquiry.objects.waiting().filter(source__in=[desk.source_id for desk in desks]).count()
        self.stdout.write(f"{inquiries} inquiries written, {open_count} of them open, {waiting} of those waiting.")


def refuse_nonsense(*, inquiries: int, sources: int, operators: int, open_count: int) -> None:
    """Raises CommandError, naming the option and its bounds."""
    for option, value in (("inquiries", inquiries), ("sources", sources), ("operators", operators)):
        if value < 1:
            raise CommandError(f"--{option} is {value}; it must be 1 or more.")
    if not 0 <= open_count <= inquiries:
        raise CommandError(f"--open is {open_count}; it must be 0 to {inquiries}, the number of inquiries.")


def next_series() -> int:
    """Return the first number that no earlier run gave its sources, and so its leads."""
    return next(number for number in count(1) if not Source.objects.filter(slug=f"fill-{number}-1").exists())


def found_desks(series: int, *, sources: int, operators: int, open_count: int) -> list[Desk]:
    """Make sources and operators, every operator in one source, or in several where there are more sources.

    Runs inside the caller's transaction.
    """
    pairs = sorted({(n % sources, n) for n in range(operators)} | {(n, n % operators) for n in range(sources)})
    teams = [[operator for place, operator in pairs if place == source] for source in range(sources)]
    limits = dict.fromkeys(range(operators), min(MAX_LIMIT, max(10, 2 * open_count // operators)))
    limits |= dict.fromkeys(teams[0], limit_of_the_full(open_count // sources, len(teams[0])))
    people = [Operator.objects.create(name=f"Fill {series}-{n + 1}", max_load=limits[n]) for n in range(operators)]
    return [
        found_desk(f"{series}-{number}", strategy=strategy, team=[people[n] for n in team])
        for number, strategy, team in zip(count(1), cycle(Strategy), teams, strict=False)
    ]


def found_desk(name: str, *, strategy: str, team: list[Operator]) -> Desk:
    source = Source.objects.create(name=f"Fill {name}", slug=f"fill-{name}", strategy=str(strategy))
    weights = [Weight(source=source, operator=person, weight=10 + person.pk % 20) for person in team]
    Weight.objects.bulk_create(weights)
    candidates = [Candidate(w.operator_id, w.operator.name, w.weight, 0, w.operator.max_load) for w in weights]
    return Desk(source.pk, source.strategy, tuple(candidates))


def limit_of_the_full(open_count: int, operators: int) -> int:
    """Return a limit under which not all of these open inquiries find an operator."""
    return min(MAX_LIMIT, max(1, int(open_count * FULLNESS) // operators))


def made_ahead(history: History) -> Iterator[Rows]:
    """Yield the history in chunks: the next is made while the database is busy with this one."""
    chunks = [range(start, min(start + CHUNK, history.total)) for start in range(0, history.total, CHUNK)]
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(history.rows, chunks[0])
        for chunk in chunks[1:]:
            rows, coming = coming.result(), maker.submit(history.rows, chunk)
            yield rows
        yield coming.result()


def write_rows(rows: Rows) -> None:
    """Write a chunk and enter it into the ledgers. One transaction."""
    with transaction.atomic(durable=True):
        for job_id, job, insight in zip(reserve_ids(Job, len(rows[Job])), rows[Job], rows[Insight], strict=True):
            job["id"] = insight["job_id"] = job_id
        for model in MODELS:
            if rows[model]:
                insert(model, rows[model])
        enter_into_ledgers(rows)


def enter_into_ledgers(rows: Rows) -> None:
    """Count what each operator received. As much was due to them: nobody is ahead or behind."""
    last_received = {(row["source_id"], row["operator_id"]): row["created_at"] for row in given(rows)}
    received = Counter((row["source_id"], row["operator_id"]) for row in given(rows))
    for (source, operator), number in received.items():
        Weight.objects.filter(source=source, operator=operator).update(
            received_count=F("received_count") + number,
            due=F("due") + number * ONE,
            last_received_at=last_received[source, operator],
        )


def given(rows: Rows) -> list[dict]:
    return [row for row in rows[Inquiry] if row.get("operator_id")]


def reserve_ids(model: type[Model], size: int) -> list[int]:
    """Return ids that no other transaction will use."""
    if connection.vendor != "postgresql":
        # The transaction holds the one write lock.
        first = (model.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
        return list(range(first, first + size))
    with connection.cursor() as cursor:
        sequence = "pg_get_serial_sequence(%s, 'id')"
        cursor.execute(f"SELECT nextval({sequence}) FROM generate_series(1, %s)", [model._meta.db_table, size])
        return [row[0] for row in cursor.fetchall()]


def insert(model: type[Model], rows: list[dict]) -> None:
    """Write rows by the names of their attributes; what a row does not name gets the model's default."""
    fields = written_fields(model, rows[0])
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    values = in_order(rows, {field.attname: default_of(field) for field in fields})
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for value in values:
                    copy.write_row(value)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", map(adapted, values))


def written_fields(model: type[Model], row: dict) -> list[Field]:
    """Return the fields to write: not those that the database computes, nor an id that it counts."""
    return [
        field
        for field in model._meta.concrete_fields
        if not field.generated and (field.attname in row or not isinstance(field, AutoField))
    ]


#: A required time that a row does not name is that of its creation.
CREATED = object()


def default_of(field: Field):
    if field.null:
        return None
    return CREATED if isinstance(field, DateTimeField) else field.get_default()


def in_order(rows: list[dict], defaults: dict) -> Iterator[tuple]:
    for row in rows:
        whole = defaults | row
        yield tuple(row["created_at"] if value is CREATED else value for value in whole.values())


def adapted(values: tuple) -> tuple:
    """Return a row as Django stores it on SQLite."""
    return tuple(
        value.hex
        if isinstance(value, UUID)
        else connection.ops.adapt_datetimefield_value(value)
        if isinstance(value, datetime)
        else value
        for value in values
    )


def analyze() -> None:
    """Let the database count what is in the tables now: until it has, it plans as if they were empty."""
    with connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")

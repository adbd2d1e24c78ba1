"""What the database alone needs to write down an inquiry: the same rows, without a service before them.

The rows are those of an inquiry that was really posted, with new ids: so the floor follows the tables, whatever
columns they come to have.
"""

import re
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg

from benchmarks._servers import Site

TABLES = ("leads_lead", "leads_identity", "leads_inquiry", "leads_assignment", "triage_job", "crm_idempotencykey")
#: The columns that tell one inquiry's rows from another's, and how pgbench makes a value of its random number.
LEAD, INQUIRY, WORD = "md5('lead' || :number)::uuid", "md5('inquiry' || :number)::uuid", "md5('word' || :number)"
OWN = {
    "leads_lead": {"id": LEAD},
    "leads_identity": {"lead_id": LEAD, "value": WORD},
    # The row may have been resolved since; when it was posted it was open.
    "leads_inquiry": {"id": INQUIRY, "lead_id": LEAD, "resolved_at": "NULL"},
    "leads_assignment": {"inquiry_id": INQUIRY},
    "triage_job": {"inquiry_id": INQUIRY},
    "crm_idempotencykey": {"key": WORD},
}


def newest_rows(connection: psycopg.Connection) -> dict[str, dict[str, str | None]]:
    """Return the newest row of each table as text, without what the database fills in by itself."""
    return {table: newest_row(connection, table) for table in TABLES}


def newest_row(connection: psycopg.Connection, table: str) -> dict[str, str | None]:
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND is_identity = 'NO' AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    ).fetchall()
    names = [name for (name,) in columns]
    chosen = ", ".join(f'"{name}"::text' for name in names)
    found = connection.execute(f"SELECT {chosen} FROM {table} ORDER BY id DESC LIMIT 1").fetchone()
    if found is None:
        sys.exit(f"{table} is empty: there is no row to measure the floor with.")
    return dict(zip(names, found, strict=True))


def script(connection: psycopg.Connection) -> str:
    """Return a pgbench script that writes one inquiry's rows in one transaction."""
    lines = ["\\set number random(1, 9000000000000000000)", "BEGIN;"]
    for table, values in newest_rows(connection).items():
        columns = ", ".join(f'"{name}"' for name in values)
        written = [OWN[table].get(name) or literal(connection, value) for name, value in values.items()]
        lines.append(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(written)});")
    return "\n".join([*lines, "COMMIT;", ""])


def literal(connection: psycopg.Connection, value: str | None) -> str:
    if value is None:
        return "NULL"
    # pgbench reads a colon before a letter as a variable, inside of quotes too; in E'' it can be written otherwise.
    quoted = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a").replace("\n", "\\n")
    return f"E'{quoted}'"


def pgbench(site: Site, *, clients: int, seconds: int) -> tuple[float, float] | None:
    """Return transactions a second and the milliseconds of one; None, with a word, where pgbench is not installed."""
    program = find_pgbench()
    if program is None:
        print("pgbench was not found: there is no floor. It comes with PostgreSQL's contributed programs.")
        return None
    path = site.folder / "floor.sql"
    with psycopg.connect(site.database_url) as connection:
        path.write_text(script(connection))
    command = [program, "-n", "-M", "prepared", "-f", str(path), "-c", str(clients), "-j", "1", "-T", str(seconds)]
    done = subprocess.run([*command, site.database_url], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pgbench failed: {done.stderr[-800:]}")
    rate = float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
    return rate, float(re.search(r"latency average = ([\d.]+)", done.stdout)[1])


def find_pgbench() -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda p: -float(p.parts[-3]))
    return str(installed[0]) if installed else shutil.which("pgbench")


def copy_rate(site: Site, count: int) -> float:
    """Return how many inquiries' rows a second one COPY a table writes, in one transaction. Keys are left out."""
    with psycopg.connect(site.database_url) as connection:
        samples = newest_rows(connection)
        tables = [table for table in TABLES if table != "crm_idempotencykey"]
        ids = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(count)]
        started = time.perf_counter()
        for table in tables:
            copy_into(connection, table, samples[table], ids)
        connection.commit()
        return count / (time.perf_counter() - started)


def copy_into(connection: psycopg.Connection, table: str, sample: dict, ids: list[tuple[str, str]]) -> None:
    columns = ", ".join(f'"{name}"' for name in sample)
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for lead, inquiry in ids:
            by_expression = {LEAD: lead, INQUIRY: inquiry, WORD: lead, "NULL": None}
            own = {name: by_expression[expression] for name, expression in OWN[table].items()}
            copy.write_row(tuple((sample | own).values()))

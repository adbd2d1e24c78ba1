"""A copy of the embedded database, while it is in use."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from store.files import replace_file


class Command(BaseCommand):
    help = (
        "Write a copy of the SQLite database to FILE, whole and consistent, also while the service runs. To restore "
        "it, end the service, move crm.sqlite3 with its -wal and -shm files away and put FILE in its place. "
        "PostgreSQL has pg_dump for this."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *, file, **options):
        if connection.vendor != "sqlite":
            raise CommandError(
                'This command copies SQLite. For PostgreSQL: pg_dump --format=custom --file=FILE "$DATABASE_URL"'
            )
        if file.exists():
            raise CommandError(f"{file} exists already. Name a file that does not.")
        try:
            # Like the database it is for its owner alone: it holds all that leads wrote.
            replace_file(file, copy_database, mode=0o600)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error
        except DatabaseError as error:
            raise CommandError(f"No copy was made: {error}.") from error
        self.stdout.write(f"{file} holds a copy of the database, {file.stat().st_size:,} bytes.")


def copy_database(path: Path) -> None:
    """Copy the database into an empty file."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])

"""Everything on one command: `make run`."""

import errno
import fcntl
import logging
import os
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from crm import checks
from crm.database import database_fault, fault_of
from crm.embedded import EmbeddedProcess, Ending
from crm.web import create_server
from crm.welcome import banner, ensure_admin, ensure_key
from routing.models import Source
from triage.services import release_leases

STOP_SECONDS = 1


class Command(BaseCommand):
    help = (
        "Serves the CRM with everything it needs. Without REDIS_URL worker, relay, sweep and beat live in one process "
        "beside this one, which ends with it; with it they run as processes of their own."
    )

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-demo", action="store_true", help="do not send the sample company on the first start")

    def handle(self, *, host, port, no_demo, **options):
        ending = Ending()
        if sentence := checks.not_collected():
            raise CommandError(sentence)
        # Before the long part: whoever started a second one by mistake learns it at once.
        listener = listen(host, port)
        # Port 0 is any that is free.
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        self.server = self.embedded = None
        try:
            ending.run(partial(self.serve, listener, is_demo_wanted=not no_demo))
        except OSError as error:
            raise CommandError(f"{error.filename or settings.VAR_DIR} cannot be written: {error.strerror}.") from error
        self.stop()

    def serve(self, listener, *, is_demo_wanted):
        self.migrate()
        if settings.EMBEDDED:
            self.start_embedded()
        self.server = create_server(listener)
        threading.Thread(target=self.server.run, name="web", daemon=True).start()
        password = ensure_admin(settings.VAR_DIR)
        if settings.EMBEDDED and is_demo_wanted:
            self.send_demo()
        self.stdout.write(banner(url=self.url, password=password, key=ensure_key(settings.VAR_DIR)))
        if not settings.EMBEDDED:
            self.stdout.write("REDIS_URL is set: worker, relay and beat run as processes of their own.")

    def migrate(self):
        """Bring the tables up to date, silently when they are. Raises CommandError where the database is not fit."""
        if sentence := database_fault():
            raise CommandError(sentence)
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                self.stdout.write("Preparing the database …")
                call_command("migrate", verbosity=0, interactive=False)
        except OperationalError as error:
            sentence = fault_of(error) or f"The database cannot be reached: {str(error).strip()}"
            raise CommandError(sentence) from error

    def start_embedded(self):
        # Waitress says how many requests wait whenever one does.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        if is_alone(settings.VAR_DIR):
            release_leases()
        self.embedded = EmbeddedProcess()

    def send_demo(self):
        """The sample company, once: a start that was interrupted is made good by the next."""
        owed = settings.VAR_DIR / "demo_owed"
        if not Source.objects.exists():
            owed.touch()
        if owed.exists():
            try:
                call_command("demo", url=self.url)
            except CommandError as error:
                self.stderr.write(f"The sample company could not be sent: {error}")
            else:
                owed.unlink()

    def stop(self):
        """End the process in a second or two, whatever hangs. A task cut short is a row that is read next time."""
        # Whoever read what was printed may be gone.
        with suppress(OSError):
            self.stdout.write("\nStopping …")
        if self.server:
            self.server.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        if self.embedded:
            self.embedded.stop(seconds=STOP_SECONDS)
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        # Not sys.exit: it would wait for the worker's threads.
        os._exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to this address. Raises CommandError with a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError as error:
        raise CommandError(f"Port {port} is no port: it must be 0 to 65535.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"Port {port} is busy. Take another: make run PORT={port + 1}") from error
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


def is_alone(folder: Path) -> bool:
    """Whether no other process serves out of this folder. The mark is the system's, and goes when the process does."""
    mark = open(folder / "serve.lock", "w")  # noqa: SIM115 - open for as long as the process lives.
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    _marks.append(mark)
    return True


#: Keeps the mark's file from being closed.
_marks = []

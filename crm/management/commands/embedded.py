"""The background of the embedded run: `manage.py serve` starts it, and it ends when that does."""

import os
import sys
import threading

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from crm.database import database_fault
from crm.embedded import Embedded, Ending

START_SECONDS = 10
STOP_SECONDS = 1


class Command(BaseCommand):
    help = "Runs worker, relay, sweep and beat in one process until standard input ends. `serve` starts it by itself."
    # `serve` has run them.
    requires_system_checks = ()

    def handle(self, **options):
        if not settings.EMBEDDED:
            raise CommandError("REDIS_URL is set: worker, relay and beat run as processes of their own.")
        ending = Ending()
        # From the beginning: `serve` may be told to stop before the workers have started.
        threading.Thread(target=self.end_with_parent, args=[ending], name="parent", daemon=True).start()
        self.embedded = Embedded()
        ending.run(self.start)
        self.embedded.stop(seconds=STOP_SECONDS)
        # Not sys.exit: it would wait for the workers' threads.
        os._exit(0)

    def start(self):
        if sentence := database_fault():
            raise CommandError(sentence)
        self.embedded.start(seconds=START_SECONDS)

    def end_with_parent(self, ending):
        sys.stdin.read()
        ending.request()

"""The relay as a process of its own, at scale."""

import signal
import threading

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from crm import sweeper
from triage import relay


class Command(BaseCommand):
    help = (
        "Wakes the workers while jobs are due, and gives waiting inquiries to operators whose shift has begun, until "
        "it is told to stop. Several may run."
    )

    def handle(self, **options):
        if settings.EMBEDDED:
            raise CommandError("REDIS_URL is not set. Without it the relay lives in `manage.py serve`.")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        # Not stopped by hand: a sweep that is cut short is a transaction that never was.
        threading.Thread(target=sweeper.run, args=[stop], name="sweep", daemon=True).start()
        self.stdout.write("The relay runs.")
        relay.run(stop)

"""The relay as a process of its own, at scale."""

import signal
import threading

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from triage import relay


class Command(BaseCommand):
    help = "Rings for the jobs that are due, until it is told to stop. Several may run."

    def handle(self, **options):
        if settings.EMBEDDED:
            raise CommandError("REDIS_URL is not set. Without it the relay lives in `manage.py serve`.")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("The relay rings.")
        relay.run(stop)

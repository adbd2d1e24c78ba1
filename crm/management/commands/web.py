"""The web server at scale, as `docker compose` runs it behind its proxy; `make run` runs the command `serve`."""

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from crm import checks

#: Requests end in well under a second; what is left after this is cut off, and was not answered.
STOP_SECONDS = 10
#: A thread that ends takes its database connection with it. granian allows no more.
THREAD_IDLE_SECONDS = 600


class Command(BaseCommand):
    help = (
        "Serves the API and the desk with granian, on BIND, with WEB_WORKERS processes of WEB_THREADS threads. A "
        "client that sends slowly holds a thread: put a proxy before it that buffers requests (config/nginx.conf)."
    )

    def handle(self, **options):
        if sentences := checks.not_at_scale() or checks.not_collected():
            raise CommandError(sentences)
        host, _, port = settings.BIND.rpartition(":")
        Granian(
            "config.wsgi:application",
            address=host,
            port=int(port),
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            workers=settings.WEB_WORKERS,
            blocking_threads=settings.WEB_THREADS,
            blocking_threads_idle_timeout=THREAD_IDLE_SECONDS,
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
        ).serve()

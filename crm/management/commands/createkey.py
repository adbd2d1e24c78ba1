"""A new API key, from the command line."""

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from crm.keys import create_key
from crm.models import Scope
from routing.models import Source


class Command(BaseCommand):
    help = "Makes an API key of a source and prints it, and nothing else. It cannot be shown again."

    def add_arguments(self, parser):
        parser.add_argument("source", metavar="SOURCE_SLUG")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.INTAKE)
        parser.add_argument("--name", default="command line", help="where it is used, for the list in the admin")

    def handle(self, *, source, scope, name, **options):
        found = Source.objects.filter(slug=source).first()
        if found is None:
            known = ", ".join(Source.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"No source is called {source!r}. Known: {known}.")
        _, key = create_key(found, name=name, scope=scope)
        self.stdout.write(key)

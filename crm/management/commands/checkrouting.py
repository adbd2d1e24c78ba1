"""Whether routing kept its promises."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from leads.services import check_routing


class Command(BaseCommand):
    help = "List every broken promise of routing: a limit exceeded, an inquiry waiting beside a free operator."

    def handle(self, **options):
        found = check_routing(now=timezone.now())
        for violation in found:
            self.stdout.write(f"{violation.kind}: {violation.sentence} ({violation.inquiry_id})")
        if found:
            raise CommandError(f"{len(found)} found.")
        self.stdout.write("Nothing found: no limit is exceeded, and nobody waits beside a free operator.")

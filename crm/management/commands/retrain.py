"""A new version of the offline reader's model, learnt from the supervisors' corrections."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from triage.analyzers.registry import versions
from triage.services.retraining import NotNow, retrain


class Command(BaseCommand):
    help = (
        "Fits a new version of the offline reader's model on the phrases and the corrections, judges it and the one "
        "in use on corrections held back from both, and takes it if it is not worse. Workers notice without a restart."
    )

    def handle(self, **options):
        try:
            outcome = retrain(versions(), now=timezone.now())
        except NotNow as reason:
            raise CommandError(reason) from reason
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}. Set MODELS_DIR.") from error
        self.stdout.write(f"Done: {outcome}")

"""The versions of the offline reader's model: listed, compared, changed."""

from django.core.management.base import BaseCommand, CommandError

from triage.analyzers.registry import versions
from triage.analyzers.versions import SHIPPED, NoSuchVersion
from triage.services.retraining import compare


class Command(BaseCommand):
    help = (
        "Lists the versions of the offline reader's model; compares them on the corrections held back; or uses "
        f"another one from now on, for example to roll back. The one that ships is called {SHIPPED}."
    )

    def add_arguments(self, parser):
        asked = parser.add_subparsers(dest="asked")
        asked.add_parser("list", help="all versions, the one in use marked by *")
        asked.add_parser("compare", help="how each reads the corrections that are held back now").add_argument(
            "names", nargs="*", metavar="VERSION"
        )
        asked.add_parser("use", help="use a version from now on").add_argument("version", metavar="VERSION")

    def handle(self, *, asked, **options):
        try:
            {"compare": self._compare, "use": self._use}.get(asked, self._list)(**options)
        except NoSuchVersion as error:
            raise CommandError(f"There is no version {error}. See `manage.py analyzers list`.") from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}. Set MODELS_DIR.") from error

    def _list(self, **options):
        chosen = versions().in_use()
        self.stdout.write(f"{_mark(SHIPPED, chosen)} {SHIPPED:12}  came with the project")
        for made in versions().all():
            self.stdout.write(f"{_mark(made.version, chosen)} {made.version}  {made.made_at}  {made}")

    def _compare(self, *, names, **options):
        names = names or [SHIPPED, *(made.version for made in versions().all())]
        held_back, right = compare(versions(), names)
        if not held_back:
            raise CommandError("No corrections are held back yet: there is nothing to compare by.")
        for name, count in right.items():
            self.stdout.write(f"{name:12}  {count} of {held_back} right, {count / held_back:.0%}")

    def _use(self, *, version, **options):
        versions().choose(version)
        self.stdout.write(f"{version} is in use from now on.")


def _mark(version, chosen):
    return "*" if version == chosen else " "

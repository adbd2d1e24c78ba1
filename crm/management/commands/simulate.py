"""What a source's settings would do, played through with made-up arrivals. Nothing is saved."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from routing.choice import Strategy
from routing.models import Source
from routing.queries import people_of
from routing.simulation import Result, scenario_of, simulate

MAX_INQUIRIES = 1_000_000


class Command(BaseCommand):
    help = "Play a source's routing through with made-up arrivals: shares, waiting times, peak load. Nothing is saved."

    def add_arguments(self, parser):
        parser.add_argument("source", help="the short name of a source")
        parser.add_argument("--inquiries", type=int, default=1000, help="how many arrive (default: 1000)")
        parser.add_argument("--per-hour", type=float, default=20, help="how many arrive an hour (default: 20)")
        parser.add_argument("--minutes", type=float, default=30, help="how long one stays open (default: 30)")
        parser.add_argument("--strategy", choices=list(Strategy), help="instead of the source's own")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same arrivals (default: 1)")

    def handle(self, *, source, inquiries, per_hour, minutes, strategy, seed, **options):
        found = Source.objects.filter(slug=source).first()
        if found is None:
            known = ", ".join(Source.objects.values_list("slug", flat=True)) or "there is none yet"
            raise CommandError(f"There is no source {source!r}. Known: {known}.")
        if not 1 <= inquiries <= MAX_INQUIRIES:
            raise CommandError(f"--inquiries must be 1 to {MAX_INQUIRIES}.")
        scenario = scenario_of(
            people_of(found.pk),
            strategy=strategy or found.strategy,
            per_hour=per_hour,
            work_minutes=minutes,
            inquiries=inquiries,
            start=timezone.now(),
            seed=seed,
        )
        with tqdm(total=inquiries, desc="Inquiries", unit="", file=self.stderr, leave=False) as bar:
            try:
                result = simulate(scenario, progress=bar.update)
            except ValueError as error:
                raise CommandError(f"This cannot be simulated: {error}.") from error
        self.stdout.write(table(result))


def table(result: Result) -> str:
    """The result in words and columns."""
    lines = [
        f"{'OPERATOR':<30}{'WEIGHT':>8}{'RECEIVED':>10}{'SHARE':>8}{'DUE':>10}{'WORST ERROR':>13}{'PEAK/LIMIT':>12}"
    ]
    for person in result.people:
        share = person.received_count / result.inquiries
        peak = f"{person.peak_load}/{person.max_load}"
        lines.append(
            f"{person.name[:29]:<30}{person.weight:>8}{person.received_count:>10}{share:>8.1%}"
            f"{person.due:>10.1f}{person.worst_error:>13.2f}{peak:>12}"
        )
    waited = f"{result.waited_count} of {result.inquiries} had to wait"
    if result.waits:
        waited += (
            f": {result.median_wait:.0f} minutes in the middle, "
            f"{result.wait_percentile(0.95):.0f} for nineteen of twenty, {result.longest_wait:.0f} at the most"
        )
    lines += ["", waited + "."]
    if result.never_given_count:
        lines.append(f"{result.never_given_count} were never given to anybody.")
    return "\n".join(lines)

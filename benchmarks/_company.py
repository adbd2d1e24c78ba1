"""Make sources with operators, and print a key of each: `python -m benchmarks._company 5 20` makes two.

The source `bench-20` has 20 operators with the largest limit there is. Runs on the database of the environment.
"""

import os
import sys

from django.core.management import call_command


def main(sizes: list[int]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from routing.models import Operator, Source, Weight

    for size in sizes:
        source = Source.objects.create(slug=f"bench-{size}", name=f"Bench {size}")
        for number in range(1, size + 1):
            operator = Operator.objects.create(name=f"Bench {size}-{number}", max_load=100)
            Weight.objects.create(source=source, operator=operator, weight=10 + number)
        call_command("createkey", source.slug, scope="full")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])

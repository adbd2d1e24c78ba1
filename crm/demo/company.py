"""The sample company and what people write to it, read from the files beside this one."""

import tomllib
from importlib import resources

from routing.models import Operator, Source, Weight

HERE = resources.files(__package__)


def found_company() -> list[Source]:
    """Make the sample company's sources, operators and weights where they are missing. Gives its sources.

    Runs inside the caller's transaction. What is there already is left as the supervisor has it.
    """
    company = tomllib.loads((HERE / "company.toml").read_text(encoding="utf-8"))
    operators = {row["name"]: _operator(row) for row in company["operators"]}
    return [_source(row, operators) for row in company["sources"]]


def _operator(row: dict) -> Operator:
    defaults = {field: value for field, value in row.items() if field != "name"}
    return Operator.objects.get_or_create(name=row["name"], defaults=defaults)[0]


def _source(row: dict, operators: dict[str, Operator]) -> Source:
    defaults = {field: value for field, value in row.items() if field not in ("slug", "weights")}
    source, is_new = Source.objects.get_or_create(slug=row["slug"], defaults=defaults)
    if is_new:
        weights = [Weight(source=source, operator=operators[name], weight=w) for name, w in row["weights"].items()]
        Weight.objects.bulk_create(weights)
    return source


def sample_inquiries() -> list[dict]:
    """What people write, in the order they write it; ``number`` tells one sample from another."""
    samples = tomllib.loads((HERE / "inquiries.toml").read_text(encoding="utf-8"))["inquiries"]
    return [sample | {"number": number} for number, sample in enumerate(samples, start=1)]

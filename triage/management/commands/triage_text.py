"""Read texts from standard input, without a database."""

import json
import sys

from django.core.management.base import BaseCommand

from triage.analyzers.base import Reading
from triage.analyzers.registry import get_analyzer


class Command(BaseCommand):
    help = (
        'Reads JSON lines {"text": …, "id": …} on standard input and writes one insight per line, in the same order.'
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--probs", action="store_true", help="add the belief in each intent")

    def handle(self, *args, **options):
        analyzer, bad_count = get_analyzer(), 0
        for line in sys.stdin.buffer:
            if not line.strip():
                continue
            try:
                question = parse(line)
            except ValueError as error:
                bad_count += 1
                answer = {"error": str(error)}
            else:
                answer = as_insight(analyzer, question, with_probs=options["probs"])
            self.stdout.write(as_line(answer))
        if bad_count:
            self.stderr.write(f"{bad_count} lines could not be read")
            sys.exit(1)


def parse(line: bytes) -> dict:
    """The question in one line. Raises ValueError with a sentence when there is none."""
    try:
        question = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("the line is not JSON") from None
    if not isinstance(question, dict) or "text" not in question:
        raise ValueError("the line has no text")
    if not isinstance(question["text"], str):
        raise ValueError("the text is not a string")
    return question


def as_line(answer: dict) -> str:
    """One line of JSON, readable where it can be: half a character pair cannot be written but as an escape."""
    line = json.dumps(answer, ensure_ascii=False)
    return line if line.isascii() or line.encode(errors="replace").decode() == line else json.dumps(answer)


def as_insight(analyzer, question: dict, *, with_probs: bool) -> dict:
    """One answer line: the insight, who gave it, and the question's own id if it had one."""
    reading = analyzer.read(question["text"])
    insight = {"id": question["id"]} if "id" in question else {}
    insight |= shape(reading) | {"analyzer": analyzer.name, "version": analyzer.version}
    return insight | {"probs": reading.probs} if with_probs else insight


def shape(reading: Reading) -> dict:
    """A reading as the API shows it."""
    return {
        "intent": reading.intent,
        "priority": reading.priority,
        "next_action": reading.next_action,
        "confidence": round(reading.confidence, 4),
        "tags": list(reading.tags),
        "evidence": [evidence.as_dict() for evidence in reading.evidence],
    }

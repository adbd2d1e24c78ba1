"""Corrections out of the desk and into it, as JSON lines."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from triage.services.exchange import exported_lines, import_lines


class Command(BaseCommand):
    help = (
        "Exports the supervisors' corrections as JSON lines, or imports such lines: text, intent, priority and "
        "next_action. Importing a file again adds nothing. FILE may be - for standard input or output."
    )

    def add_arguments(self, parser):
        parser.add_argument("direction", choices=["export", "import"])
        parser.add_argument("file", metavar="FILE")

    def handle(self, *, direction, file, **options):
        try:
            self._export(file) if direction == "export" else self._import(file)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{file} is not UTF-8.") from error

    def _export(self, file):
        count = 0
        out = sys.stdout if file == "-" else Path(file).open("w", encoding="utf-8")
        try:
            for line in exported_lines():
                out.write(line + "\n")
                count += 1
        finally:
            if out is not sys.stdout:
                out.close()
        self.stderr.write(f"{count} corrections exported.")

    def _import(self, file):
        if file == "-":
            imported = import_lines(sys.stdin, now=timezone.now())
        else:
            with Path(file).open(encoding="utf-8") as lines:
                imported = import_lines(lines, now=timezone.now())
        for number, reason in imported.refused.items():
            self.stderr.write(f"Line {number} was refused: {reason}")
        self.stdout.write(f"{imported.new_count} corrections imported, {imported.known_count} were known.")
        if imported.refused:
            raise CommandError(f"{len(imported.refused)} lines were refused; correct them and import the file again.")

"""The versions of the offline reader's model: a folder of files, one of which is chosen. Nothing here knows Django.

A version is two files, `<version>.npz` (arrays, never code) and `<version>.json` (how it came about). `chosen` names
the one in use; without it, or when it cannot be read, the model that ships with the project is used.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from store.files import replace_file, write_file

from .model import Model
from .rules import RulesAnalyzer

#: What the model that ships with the project is called here.
SHIPPED = "shipped"
_NAME = re.compile(r"[0-9a-f]{12}")


class NoSuchVersion(Exception):
    """There is no version of this name in the folder, or its file is broken."""


@dataclass(frozen=True, slots=True)
class Making:
    """How a version came about, and how it and the one before it did on the corrections held back from both."""

    version: str
    made_at: str
    #: Corrections it learnt from, and those held back to judge it by.
    learnt_count: int
    held_back_count: int
    before: str
    before_right_count: int
    right_count: int
    #: The model that shipped with the project then: a newer one may read better than this version.
    shipped: str = ""

    def __str__(self) -> str:
        return (
            f"learnt from {self.learnt_count} corrections; of {self.held_back_count} held back it reads "
            f"{self.right_count} right, {self.before} {self.before_right_count}"
        )


class RetrainedReader(RulesAnalyzer):
    """The offline reader with another version of its model, which its own version names too."""

    def __init__(self, retrained: Model):
        super().__init__()
        self._model = retrained
        self.version = f"{self.version}+{retrained.version}"


class Versions:
    """The versions in one folder. What is written appears at once and whole, so that any process may look."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._chosen = folder / "chosen"

    def all(self) -> list[Making]:
        """Every version that can be chosen, the oldest first."""
        made = [self._making(path.stem) for path in self._folder.glob("*.npz") if _NAME.fullmatch(path.stem)]
        return sorted(filter(None, made), key=lambda making: making.made_at)

    def chosen(self) -> str:
        """The name of the version in use."""
        try:
            name = self._chosen.read_text().strip()
        except (OSError, ValueError):
            return SHIPPED
        return name if _NAME.fullmatch(name) else SHIPPED

    def in_use(self) -> str:
        """The chosen version, or the shipped one where the chosen one cannot be read."""
        try:
            self.reader(chosen := self.chosen())
        except NoSuchVersion:
            return SHIPPED
        return chosen

    def choose(self, version: str) -> None:
        """Use a version from now on. Raises NoSuchVersion."""
        self.reader(version)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_file(self._chosen, (version + "\n").encode())

    def add(self, made: Model, making: Making) -> None:
        """Keep a version. It is not chosen by that."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_file(self._folder / f"{made.version}.json", json.dumps(asdict(making), indent=1).encode())
        replace_file(self._folder / f"{made.version}.npz", made.save)

    def reader(self, version: str) -> RulesAnalyzer:
        """The offline reader with this version of its model. Raises NoSuchVersion."""
        return RulesAnalyzer() if version == SHIPPED else RetrainedReader(self.load(version))

    def load(self, version: str) -> Model:
        """Read the model of a version made here. Raises NoSuchVersion."""
        if not _NAME.fullmatch(version):
            raise NoSuchVersion(version)
        try:
            return Model.load(self._folder / f"{version}.npz")
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise NoSuchVersion(version) from error

    def _making(self, version: str) -> Making | None:
        try:
            return Making(**json.loads((self._folder / f"{version}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

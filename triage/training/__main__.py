"""``python -m triage.training``: rebuild the model from the phrases and print how well it reads."""

import sys
import time

from triage.analyzers.model import PATH

from .corpus import build
from .fit import fit, see
from .phrases import load_phrases, source_digest
from .scores import cross_validate, table


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main(*, with_scores: bool) -> None:
    started = time.perf_counter()
    phrases = load_phrases()
    examples = build(phrases)
    seen = [see(example.text) for example in examples]
    say(f"{len(phrases)} phrases, {len(examples)} messages made of them")
    model = fit(examples, seen)
    model.save(PATH, source=source_digest())
    say(f"model {model.version}: {len(model.rows)} features, {PATH.stat().st_size / 1e6:.2f} MB")
    if with_scores:
        say(table(cross_validate(examples, seen)))
    say(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main(with_scores="--no-scores" not in sys.argv)

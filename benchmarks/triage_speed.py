"""How fast the offline reader reads: texts a second on one core, time a message, start-up and memory."""

import os
import statistics
import sys
import time
from pathlib import Path
from random import Random

#: A read uses one core; more threads would only hide what it costs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

TEXTS_A_SECOND = 2_000
MILLISECONDS_A_MESSAGE = 2.0
SAMPLE = 6_000


def main() -> int:
    """Measure, print, and give 1 when a mark was missed."""
    memory_before = resident_megabytes()
    started = time.process_time()
    from triage.analyzers.rules import RulesAnalyzer

    reader = RulesAnalyzer()
    reader.read("warm")
    start_up = time.process_time() - started
    texts = sample()
    spent = sorted(read_time(reader, text) for text in texts)
    a_second = len(texts) / sum(spent)
    median, slow = statistics.median(spent) * 1000, spent[int(len(spent) * 0.99)] * 1000
    longest = read_time(reader, "where is my order and how much is the plan, please call me back " * 160) * 1000

    print(f"start-up {start_up:.2f} s of CPU, {resident_megabytes() - memory_before:.0f} MB of memory")
    print(f"{len(texts)} messages, {statistics.mean(map(len, texts)):.0f} characters on average")
    print(f"{a_second:,.0f} texts a second on one core (mark: {TEXTS_A_SECOND:,})")
    print(f"a message: median {median:.2f} ms, p99 {slow:.2f} ms of CPU (mark: {MILLISECONDS_A_MESSAGE} ms)")
    print(f"a message of 10,000 characters: {longest:.1f} ms")
    return int(a_second < TEXTS_A_SECOND or slow > MILLISECONDS_A_MESSAGE)


def sample() -> list[str]:
    """The project's own phrases, alone and strung together.

    As long as real messages are: half of them under 55 letters, a tenth over 300.
    """
    from triage.training.phrases import expand, load_phrases, load_slots

    rng = Random(7)
    slots = {lang: load_slots(lang) for lang in ("en", "ru")}
    lines = [expand(phrase.text, slots[phrase.lang], rng) for phrase in load_phrases()]
    lengths = (1, 1, 1, 1, 1, 1, 1, 1, 2, 8)
    return [". ".join(rng.choices(lines, k=rng.choice(lengths))) for _ in range(SAMPLE)]


def read_time(reader, text: str) -> float:
    started = time.process_time()
    reader.read(text)
    return time.process_time() - started


def resident_megabytes() -> float:
    """Memory held by this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())

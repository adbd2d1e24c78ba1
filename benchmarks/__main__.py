"""`make bench`: every benchmark, or those named. Each prints its figures, and exits with 1 when a mark was missed."""

import pkgutil
import subprocess
import sys

import benchmarks


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all, each in a process of its own. Gives the number that failed."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    if unknown := set(names) - set(known):
        sys.exit(f"No such benchmark: {', '.join(sorted(unknown))}. Known: {', '.join(known)}.")
    failed = []
    for name in names or known:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all marks met")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

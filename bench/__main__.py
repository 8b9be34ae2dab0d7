"""`python -m bench [overhead | process]`: both, unless one is named."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench import figures, overhead, process

_BENCHES = {"overhead": overhead.measure, "process": process.measure}


async def _run(names: list[str]) -> int:
    print(figures.machine())
    missed = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
            found = await _BENCHES[name](Path(folder))
        print(f"\n{name}\n\n{figures.table(found)}", flush=True)
        missed = missed or any(figure.missed for figure in found)
    print("\na goal is missed" if missed else "\nall goals are met")
    return int(missed)


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("bench", nargs="?", choices=list(_BENCHES), help="which (default: both)")
    named: str | None = parser.parse_args().bench
    return asyncio.run(_run([named] if named else list(_BENCHES)))


if __name__ == "__main__":
    sys.exit(main())

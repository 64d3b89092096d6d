"""``python -m benchmarks [CASE …] [--runs N] [--json | --markdown]``.

The exit status is 0 however long anything took, and 1 when something did not run: a figure is never a gate.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.cases import CASES, Bench
from benchmarks.machine import facts
from benchmarks.measure import MeasuringError
from benchmarks.report import Row, as_json, as_markdown, as_text


def main() -> int:
    order = _arguments()
    work = Path(tempfile.mkdtemp(prefix="benchmarks-", dir=order.work)).resolve()
    try:
        return _measure(order, work)
    finally:
        if order.keep:
            _say(f"kept: {work}")
        else:
            shutil.rmtree(work)


def _arguments() -> argparse.Namespace:
    listed = "\n".join(f"  {name:<4} {case.__doc__}" for name, case in CASES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the orchestrator against a bare loop over the same processes.",
        epilog=f"cases:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # No `choices`: with nargs="*" they would refuse the empty list.
    parser.add_argument("cases", nargs="*", metavar="CASE", help="Which cases (default: all).")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="Timed runs of each side.")
    parser.add_argument("--json", action="store_true", help="Print everything as JSON.")
    parser.add_argument("--markdown", action="store_true", help="Print the table as markdown.")
    parser.add_argument("--work", metavar="DIR", help="Where to make the plans (default: the temporary directory).")
    parser.add_argument("--keep", action="store_true", help="Leave what was made.")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="Make plans smaller, to try this out.")
    order = parser.parse_args()
    if unknown := [name for name in order.cases if name not in CASES]:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if order.runs < 1 or not 0 < order.scale <= 1:
        parser.error("at least one run, and a scale above 0 and at most 1")
    return order


def _measure(order: argparse.Namespace, work: Path) -> int:
    machine = facts(work)
    _say(", ".join(f"{name}: {fact}" for name, fact in machine.items()))
    bench = Bench(work, order.runs, order.scale, _say)
    rows: list[Row] = []
    failed: list[str] = []
    started = time.perf_counter()
    for name in order.cases or CASES:
        _say(f"{name}: {CASES[name].__doc__}")
        try:
            rows += CASES[name](bench)
        except MeasuringError as error:
            failed.append(name)
            _say(f"  did not run: {error}")
    machine["load after"] = f"{os.getloadavg()[0]:.2f}"
    _say(f"{time.perf_counter() - started:.0f} s, load after: {machine['load after']}\n")
    if order.json:
        print(as_json(machine, rows, failed))
    else:
        print(as_markdown(rows) if order.markdown else as_text(rows))
    return 1 if failed else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""The cases: what is run, against what, and what we aim at. The letters are those of docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import plans
from benchmarks.measure import Command, Sample, interleaved, orchestrator, python, timed
from benchmarks.plans import Jobs
from benchmarks.report import Row, median, ratio

SLOTS = 8
_START = "python -c pass"
_BARE = str(Path(__file__).with_name("bare_anyio.py"))


@dataclass(slots=True)
class Bench:
    """Where and how often. ``scale`` makes every plan smaller, to try the benchmarks themselves."""

    work: Path
    runs: int
    scale: float
    say: Callable[[str], None]
    _made: int = field(default=0, init=False)

    def size(self, count: int) -> int:
        return max(2, round(count * self.scale))

    def fresh(self) -> Path:
        """Make a directory that nothing ran in; all stay until the end, for deleting slows what comes next."""
        self._made += 1
        directory = self.work / f"{self._made:04}"
        directory.mkdir()
        return directory

    def ours(self, jobs: Jobs, slots: int, *, estimates: bool = False, watched: bool = False) -> Callable[[], Command]:
        """Return what prepares a run of ours."""

        def prepare() -> Command:
            directory = self.fresh()
            plans.write_plan(directory, jobs, estimates=estimates)
            return orchestrator("run", "--max-parallel", str(slots), cwd=directory, watched=watched)

        return prepare

    def bare(self, jobs: Jobs, slots: int) -> Callable[[], Command]:
        """Return what prepares a run of the same processes by the bare loop."""

        def prepare() -> Command:
            directory = self.fresh()
            return python(_BARE, str(plans.write_bare(directory, jobs, slots)), cwd=directory)

        return prepare

    def take(self, *sides: Callable[[], Command]) -> list[list[Sample]]:
        return interleaved(sides, self.runs, self.say)


def independent(bench: Bench) -> list[Row]:
    """(a) Tasks that need nothing."""
    jobs = plans.independent(bench.size(1000))
    ours, bare = bench.take(bench.ours(jobs, SLOTS), bench.bare(jobs, SLOTS))
    return [ratio("a", f"{len(jobs):,} × /bin/true, {SLOTS} slots", 1.6, ours=ours, base=bare)]


def chained(bench: Bench) -> list[Row]:
    """(b) A chain: every hop waits until the result before it is durable."""
    jobs = plans.chain(bench.size(200))
    ours, bare = bench.take(bench.ours(jobs, SLOTS), bench.bare(jobs, SLOTS))
    mine = [each.wall / len(jobs) * 1000 for each in ours]
    theirs = [each.wall / len(jobs) * 1000 for each in bare]
    return [
        Row(
            case="b",
            what=f"chain of {len(jobs)}: extra time per hop",
            aim=2,
            value=median(mine) - median(theirs),
            unit="ms",
            ours=mine,
            baseline=theirs,
            samples_in="ms",
            against="bare loop",
        )
    ]


def layered(bench: Bench) -> list[Row]:
    """(c) Layers with random parents."""
    jobs = plans.layers(10, bench.size(100), 3)
    ours, bare = bench.take(bench.ours(jobs, SLOTS), bench.bare(jobs, SLOTS))
    what = f"10 layers × {len(jobs) // 10}, 3 parents each, {SLOTS} slots"
    return [ratio("c", what, 1.6, ours=ours, base=bare)]


def skewed(bench: Bench) -> list[Row]:
    """(d) Sleeps of very different lengths, with estimates."""
    jobs = plans.skewed(bench.size(240))
    return [_bound(bench, "d", "skewed sleeps with estimates", 1.02, jobs=jobs, slots=4)]


def long_chain(bench: Bench) -> list[Row]:
    """(d2) One long chain among short tasks, without estimates."""
    jobs = plans.chain_among_short(bench.size(20), 1.0, 0.4)
    return [_bound(bench, "d2", "long chain among short tasks", 1.05, jobs=jobs, slots=2)]


def _bound(bench: Bench, case: str, what: str, aim: float, *, jobs: Jobs, slots: int) -> Row:
    bound = plans.lower_bound(jobs, slots)
    prepare = bench.ours(jobs, slots, estimates=case == "d")
    places: list[Path] = []

    def noted() -> Command:
        places.append((command := prepare()).cwd)
        return command

    (ours,) = bench.take(noted)
    mine = [each.wall for each in ours]
    spans = [_span(place) for place in places[1:]]
    return Row(
        case=case,
        what=f"{what}: {len(jobs)} tasks, {slots} slots",
        aim=aim,
        value=median(mine) / bound,
        unit="×",
        ours=mine,
        baseline=[bound],
        against="lower bound",
        notes={
            "first start to last end ×": median(spans) / bound,
            "ideal schedule ×": plans.ideal_makespan(jobs, slots) / bound,
        },
    )


def _span(directory: Path) -> float:
    """Return the seconds from the start of the first task to the end of the last, as their records have it."""
    paths = (directory / ".orchestrator" / "logs").glob("*.json")
    records = [json.loads(path.read_bytes()) for path in paths]
    return float(max(each["ended"] for each in records) - min(each["started"] for each in records))


def large(bench: Bench) -> list[Row]:
    """(e) Ten times the tasks of (a): time for each, and memory."""
    many, few = plans.independent(bench.size(10_000)), plans.independent(bench.size(1000))
    ours, base = bench.take(bench.ours(many, SLOTS, watched=True), bench.ours(few, SLOTS))
    each = [sample.wall / len(many) * 1000 for sample in ours]
    usual = [sample.wall / len(few) * 1000 for sample in base]
    peaks = [sample.peak for sample in ours]
    return [
        Row(
            case="e",
            what=f"{len(many):,} × /bin/true, {SLOTS} slots: time per task",
            aim=1.2,
            value=median(each) / median(usual),
            unit="×",
            ours=each,
            baseline=usual,
            samples_in="ms",
            against=f"of {len(few):,}",
        ),
        Row(
            case="e",
            what=f"{len(many):,} × /bin/true: peak memory of the runner",
            aim=300,
            value=median(peaks),
            unit="MB",
            ours=peaks,
            baseline=[],
            samples_in="MB",
            notes={"all processes together, MB": median([each.together for each in ours])},
        ),
    ]


def looking(bench: Bench) -> list[Row]:
    """(f) ``status`` and ``list`` on plans that never ran and on finished ones."""
    rows: list[Row] = []
    for count, aim in ((1000, 8.0), (10_000, 25.0)):
        jobs = plans.layers(10, max(2, bench.size(count) // 10), 3)
        for state in ("fresh", "finished"):
            directory = bench.fresh()
            plans.write_plan(directory, jobs)
            if state == "finished":
                bench.say(f"  {len(jobs):,} tasks are simulated first")
                timed(orchestrator("run", "--simulate", cwd=directory))
            for command in ("status", "list"):
                ours, base = bench.take(_calls(directory, command), _passes(directory))
                what = f"{command}, {len(jobs):,} tasks, {state}"
                rows.append(ratio("f", what, aim, ours=ours, base=base, against=_START))
    return rows


def saying(bench: Bench) -> list[Row]:
    """(h) ``share`` and ``note``, which agents call again and again."""
    rows: list[Row] = []
    for count, aim in ((1000, 5.0), (10_000, 12.0)):
        jobs = plans.layers(10, max(2, bench.size(count) // 10), 3)
        directory = bench.fresh()
        plans.write_plan(directory, jobs)
        # Whoever looked first has built the cache.
        timed(orchestrator("list", cwd=directory, piped=True))
        words = (jobs[0].id, "- Decided on PostgreSQL with JSONB columns", "--json")
        for command in ("share", "note"):
            ours, base = bench.take(_calls(directory, command, *words), _passes(directory))
            what = f"{command}, {len(jobs):,} tasks"
            rows.append(ratio("h", what, aim, ours=ours, base=base, against=_START))
    return rows


def editing(bench: Bench) -> list[Row]:
    """(i) ``add`` again and again, each with one row more, and ``list``."""
    rows: list[Row] = []
    for count, aim in ((1000, 5.0), (10_000, 12.0)):
        jobs = plans.layers(10, max(2, bench.size(count) // 10), 3)
        for command, *words in (("add", "Write the tests of one more part", "--tag", "tests"), ("list",)):
            directory = bench.fresh()
            plans.write_plan(directory, jobs)
            timed(orchestrator("list", cwd=directory, piped=True))
            ours, base = bench.take(_calls(directory, command, *words), _passes(directory))
            what = f"{command}, {len(jobs):,} tasks"
            rows.append(ratio("i", what, aim, ours=ours, base=base, against=_START))
    return rows


def starting(bench: Bench) -> list[Row]:
    """(g) The least that any command costs."""
    directory = bench.fresh()
    version, imported, base = bench.take(
        lambda: orchestrator("--version", cwd=directory, piped=True),
        lambda: python("-c", "import orchestrator.cli.main", cwd=directory),
        _passes(directory),
    )
    return [
        ratio("g", what, 8, ours=ours, base=base, against=_START)
        for what, ours in (("python -m orchestrator --version", version), ("import orchestrator.cli.main", imported))
    ]


def _calls(directory: Path, *words: str) -> Callable[[], Command]:
    return lambda: orchestrator(*words, cwd=directory, piped=True)


def _passes(directory: Path) -> Callable[[], Command]:
    return lambda: python("-c", "pass", cwd=directory, piped=True)


CASES: dict[str, Callable[[Bench], list[Row]]] = {
    "a": independent,
    "b": chained,
    "c": layered,
    "d": skewed,
    "d2": long_chain,
    "e": large,
    "f": looking,
    "g": starting,
    "h": saying,
    "i": editing,
}

"""The plans that are measured: the same ones every time, for every random choice comes from a fixed seed."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = 4096


@dataclass(frozen=True, slots=True)
class Job:
    """One shell task. ``seconds``: how long it sleeps; 0: it is ``/bin/true``."""

    id: str
    needs: tuple[int, ...] = ()
    """Places of its parents in the plan."""
    seconds: float = 0.0

    @property
    def command(self) -> str:
        """What the shell runs."""
        return f"sleep {self.seconds:.2f}" if self.seconds else "/bin/true"


Jobs = Sequence[Job]


def name(place: int) -> str:
    return f"T-{place + 1:05}"


def independent(count: int) -> list[Job]:
    """Tasks that need nothing."""
    return [Job(name(place)) for place in range(count)]


def chain(count: int) -> list[Job]:
    """Tasks of which each needs the one before."""
    return [Job(name(place), (place - 1,) if place else ()) for place in range(count)]


def layers(depth: int, width: int, parents: int) -> list[Job]:
    """Layers of tasks; each task needs some of the layer above, chosen at random."""
    dice = random.Random(SEED)
    jobs = [Job(name(place)) for place in range(width)]
    for layer in range(1, depth):
        above = range((layer - 1) * width, layer * width)
        jobs += [
            Job(name(place), tuple(sorted(dice.sample(above, min(parents, width)))))
            for place in range(layer * width, (layer + 1) * width)
        ]
    return jobs


def skewed(count: int) -> list[Job]:
    """Sleeps between 0.05 and 2 s, most of them short, with up to two parents each among the 24 tasks before."""
    dice = random.Random(SEED)
    jobs: list[Job] = []
    for place in range(count):
        before = range(max(0, place - 24), place)
        needs = dice.sample(before, min(len(before), dice.choice((0, 1, 1, 2))))
        seconds = round(min(2.0, 0.05 * 40 ** (dice.random() ** 1.5)), 2)
        jobs.append(Job(name(place), tuple(sorted(needs)), seconds))
    return jobs


def chain_among_short(links: int, link: float, short: float) -> list[Job]:
    """One long chain, listed last, and before it as much work in short tasks that need nothing."""
    loose = [Job(name(place), (), short) for place in range(round(links * link / short))]
    first = len(loose)
    return loose + [Job(name(first + step), (first + step - 1,) if step else (), link) for step in range(links)]


def lower_bound(jobs: Jobs, slots: int) -> float:
    """Return the seconds that no schedule can beat: the longest path, or all the work spread over the slots."""
    ends: list[float] = []
    for job in jobs:
        ends.append(job.seconds + max((ends[need] for need in job.needs), default=0.0))
    return max(*ends, sum(job.seconds for job in jobs) / slots)


def ideal_makespan(jobs: Jobs, slots: int) -> float:
    """Return what longest-remaining-path-first takes when starting, ending and recording cost nothing."""
    children: list[list[int]] = [[] for _ in jobs]
    for place, job in enumerate(jobs):
        for need in job.needs:
            children[need].append(place)
    rank = [0.0] * len(jobs)
    for place in reversed(range(len(jobs))):
        after = max((rank[child] for child in children[place]), default=0.0)
        rank[place] = after + jobs[place].seconds
    unmet = [len(job.needs) for job in jobs]
    ready = [(-rank[place], place) for place, left in enumerate(unmet) if not left]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            place = heapq.heappop(ready)[1]
            heapq.heappush(running, (now + jobs[place].seconds, place))
        now, place = heapq.heappop(running)
        for child in children[place]:
            unmet[child] -= 1
            if not unmet[child]:
                heapq.heappush(ready, (-rank[child], child))
    return now


def write_plan(directory: Path, jobs: Jobs, *, estimates: bool = False) -> None:
    """Write ``.orchestrator/`` with the plan and a task file for every task, as a person would have written them."""
    root = directory / ".orchestrator"
    (root / "agent_tasks").mkdir(parents=True)
    rows = ["| Task ID | Description | Dependencies |", "|---|---|---|"]
    if estimates:
        rows = ["| Task ID | Description | Dependencies | Est. Time |", "|---|---|---|---|"]
    for job in jobs:
        needs = ", ".join(jobs[need].id for need in job.needs) or "None"
        rows.append(f"| {job.id} | Run {job.command} | {needs} |")
        if estimates:
            rows[-1] += f" {job.seconds:.2f}s |"
        stem = job.id.replace("T-", "agent-")
        text = f"# {job.id}\n\n```sh\n{job.command}\n```\n"
        (root / "agent_tasks" / f"{stem}.md").write_text(text, encoding="utf-8")
    head = ["---", "agent: shell", "retries: 0", "---", "# A plan to measure", "", "## Tasks"]
    (root / "master_plan.md").write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def write_bare(directory: Path, jobs: Jobs, slots: int) -> Path:
    """Write the same scripts and the same graph for the bare loop; return the file it takes."""
    scripts = directory / "scripts"
    scripts.mkdir(parents=True)
    tasks: list[tuple[str, tuple[int, ...]]] = []
    for job in jobs:
        script = scripts / job.id
        script.write_text(f"{job.command}\n", encoding="utf-8")
        tasks.append((str(script), job.needs))
    plan = directory / "plan.json"
    plan.write_text(json.dumps({"slots": slots, "tasks": tasks}), encoding="utf-8")
    return plan

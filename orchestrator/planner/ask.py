"""Ask an agent one question and get an answer that fits a schema: what planning needs."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.core.cost import Spending, total_cost
from orchestrator.core.plan import KINDS, TASK_ID, Task
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PLANNER
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import pluralize
from orchestrator.core.timestamp import iso
from orchestrator.errors import AgentError, DraftError, HeldError, PlanError, Problem, StoppedError, StoreError
from orchestrator.ownership import make_directories
from orchestrator.runner.auxiliary import Worker, put_off
from orchestrator.runner.clock import Clock
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.runner.recovery import Recovery, warner
from orchestrator.runner.scheduler_setup import idle_accounts
from orchestrator.scheduler.budget import Budget
from orchestrator.services.plugins import Plugins
from orchestrator.store.atomic import atomic_write, read_file
from orchestrator.store.attempt_record import scan_logs
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.lock import new_run, take_lock
from orchestrator.store.plan_directory import make_plan_directory
from orchestrator.store.workspace import Workspace
from orchestrator.views.templating import render

#: (prompt, JSON Schema) → what the agent answered.
Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Planner:
    """The agent that takes a request apart."""

    worker: Worker
    settings: Settings
    dead_runs: Container[str]

    def __call__(self, prompt: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask it one question, and return its answer.

        Raises:
            AgentError, HeldError, StoppedError, StoreError: as ``asking``.
        """
        task = Task(id=PLANNER, name="Plan the request", description=prompt)
        settings, workspace = self.settings._replace(schema=schema), self.worker.workspace
        if not _was_answered(self.worker, task, settings, self.dead_runs):
            result, runner = self.worker.do(task, settings)
            if result is None:
                raise put_off(runner)
            if result.status is not TaskStatus.COMPLETED:
                cost = _planning_cost(self.spent())
                if runner.ended_by or runner.held_back:
                    raise put_off(runner, cost)
                why = result.reason or "it was stopped"
                log = workspace.layout.attempt(PLANNER, result.number).stdout
                raise AgentError(f"the planner gave no plan: {why}{cost}", hint=f"its output: {log}")
        answer: Mapping[str, Any] = json.loads(workspace.read_answer(PLANNER))
        return answer

    def spent(self) -> Spending:
        """Return what its questions have cost up to now."""
        result = self.worker.workspace.read_result(PLANNER)
        if result is None:
            return total_cost([])
        asked = tuple(each for each in result.attempts if each.run == self.worker.run)
        return total_cost([result._replace(attempts=asked)])


@contextmanager
def asking(
    layout: Layout, settings: Settings, plugins: Plugins, listener: Listener, *, rejected: str
) -> Iterator[Planner]:
    """Hold the plan directory and yield whom to ask; every question and answer is kept there, with what it cost.

    *rejected* is the file in which a draft is kept that was paid for and is invalid.

    Raises:
        DraftError: the answers made no plan (raised by who asks; here it gets what they cost and where they are).
        AgentError: the agent cannot work on this machine, or gave no answer (raised by what is yielded).
        HeldError, StoppedError: a budget or a limit held it back, or a signal ended it (likewise).
            The ``data`` of all four says what planning cost.
        BusyError: a run holds the plan directory.
        StoreError: state could not be read or written.
    """
    # It looks at the project and writes nothing.
    how = settings._replace(agent="claude", tools=("Read", "Glob", "Grep"), format="markdown")
    plugins.require({PLANNER: how})
    clock, run = Clock(), new_run()
    workspace = Workspace(layout)
    make_plan_directory(layout)
    lock = take_lock(layout.lock, run, iso(clock.wall()))
    try:
        workspace.prepare()
        if lock.dead_runs:
            plugins.sweep(layout.root, run)
        with closing(Journal(layout.journal)) as journal:
            worker = Worker(
                workspace=workspace,
                agents=plugins.agents,
                executor=plugins.executor,
                descriptor=lock.descriptor,
                run=run,
                clock=clock,
                listener=partial(_hear, journal, listener),
                budget=Budget(settings.budget_usd or math.inf),
                accounts=idle_accounts(plugins.agents, settings),
            )
            with _cost_added(planner := Planner(worker, how, lock.dead_runs), rejected):
                yield planner
    except (PlanError, AgentError, HeldError, StoppedError):
        lock.release()  # it gave no plan, and left nothing behind
        raise
    except BaseException:
        lock.abandon()
        raise
    lock.release()


def _hear(journal: Journal, listener: Listener, event: Event) -> None:
    if event.kind is not Kind.NEWS:
        journal.append(event.line())
    listener(event)


@contextmanager
def _cost_added(planner: Planner, rejected: str) -> Iterator[None]:
    """Add to an error what planning cost; keep a draft that is no plan in the file *rejected*."""
    try:
        yield
    except DraftError as error:
        raise _kept(error, planner.spent(), rejected) from None
    except (AgentError, HeldError, StoppedError) as error:
        error.data = _facts(planner.spent())
        raise


def _facts(spent: Spending) -> dict[str, Any]:
    """Return what planning cost, for programs."""
    return {"cost_usd": round(spent.known, 6), "unknown_costs": spent.unknown}


def _kept(error: DraftError, spent: Spending, path: str) -> PlanError:
    """Keep a draft where a person can mend it, and say so first; or why it could not be kept."""
    wrong = pluralize(len(error.problems), "problem")
    message = f"the planner's draft has {wrong}{_planning_cost(spent)}"
    facts = _facts(spent)
    text = json.dumps(error.draft, ensure_ascii=False, indent=2)
    try:
        make_directories(os.path.dirname(path))
        atomic_write(path, f"{text}\n".encode(errors="backslashreplace"))
    except (OSError, StoreError) as lost:
        message, hint = f"{message}, and it could not be kept: {lost}", "mend that, then ask again"
    else:
        hint = f"mend it in {path}, then: orchestrator plan --from {shlex.quote(path)}"
        facts["draft"] = path
    whole = PlanError([Problem(message, "", hint, error.code), *error.problems])
    whole.data = facts
    return whole


def _planning_cost(spent: Spending) -> str:
    return f"; planning cost {spent}" if spent else ""


def _was_answered(worker: Worker, task: Task, settings: Settings, dead_runs: Container[str]) -> bool:
    """Take from its log what a run that died had asked for; say whether it is the answer to this very question."""
    workspace = worker.workspace
    found = Recovery(
        workspace=workspace,
        tasks={task.id: task},
        policies={task.id: settings},
        agents=worker.agents,
        results={},
        traces=scan_logs(workspace.layout.logs),
        dead_runs=dead_runs,
        warn=warner(worker.listener),
    ).take_over(worker.listener)
    if not found or found[-1].result.status is not TaskStatus.COMPLETED:
        return False
    asked = read_file(workspace.layout.attempt(PLANNER, found[-1].result.number).stdin) or b""
    return task.description.strip().encode() in asked


# ── draft schema ────────
#
# What a planning agent is asked to answer with: the JSON Schema of a draft (``core.draft``).
#
# ``core.draft_check`` holds an answer to more than a schema can say: ids, cycles, names, agents.


def _text(about: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": about, **more}


def _texts(about: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": about}


def _object(properties: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


_NEED = _object(
    {
        "id": _text("id of the other task"),
        "kind": _text(
            "data: its result is handed over. order: it only has to be done. resource: both use the same thing",
            enum=list(KINDS),
        ),
    },
    ("id", "kind"),
)
_INPUT = _object(
    {
        "name": _text("what the task calls it"),
        "type": _text("string, file, directory, list, …"),
        "source": _text("where it comes from: the request, the project, the environment"),
        "value": _text("the value itself, or the path"),
    },
    ("name", "value"),
)
_TASK = _object(
    {
        "id": _text("T-01, T-02, … in an order in which they could be done", pattern=f"^{TASK_ID.pattern}$"),
        "name": _text("three to six words; no two tasks have the same"),
        "description": _text("the whole assignment, for a reader who knows nothing else of the request"),
        "needs": {"type": "array", "items": _NEED, "description": "tasks that have to be done before"},
        "inputs": {"type": "array", "items": _INPUT, "description": "what it works from, besides results"},
        "expected": _text("the parts of the answer, and the files that are there afterwards"),
        "acceptance": _texts("how another person can tell that it is done"),
        "constraints": _texts("what it must not do"),
        "agent": _text("key of an agent, only where the default one is not the right one"),
        "type": _text("research, analysis, design, implementation, testing, review, documentation, …"),
        "estimate": _text("how long it takes: 90s, 3m"),
        "priority": _text("P0 is most urgent", enum=["P0", "P1", "P2", "P3"]),
        "writes": _texts("every path it writes, relative to the project; empty when it writes none"),
    },
    ("id", "name", "description", "needs", "expected", "acceptance", "estimate", "priority", "writes"),
)

#: The answer of a planning agent.
SCHEMA: Mapping[str, Any] = _object(
    {
        "title": _text("three to six words"),
        "goal": _text("the primary goal: what is there in the end"),
        "goals": _texts("secondary goals"),
        "success": _texts("how to tell that the goal is reached"),
        "tasks": {"type": "array", "minItems": 1, "items": _TASK},
    },
    ("goal", "goals", "success", "tasks"),
)


# ── prompt ────────
#
# What a planning agent reads.


def planner_prompt(
    request: str,
    agents: Mapping[str, str],
    overrides: str | None = None,
    *,
    first: str = "",
    problems: Sequence[Problem] = (),
) -> str:
    """Return the prompt. *agents*: what each is good for; *first*: the draft, as JSON, that had these *problems*."""
    return render("planner.md.j2", overrides, request=request, agents=agents, first=first, problems=problems)

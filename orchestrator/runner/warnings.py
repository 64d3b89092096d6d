"""What a user may count on that a plan does not do: shown before a run, and no reason to refuse it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.agents.protocol import Agent
from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.cost import total_cost, usd
from orchestrator.core.duration import above_timeout
from orchestrator.core.plan import TASK_ID, Plan, Task
from orchestrator.core.status import TaskStatus, parse_status
from orchestrator.core.text import is_left_blank, join_first, one_line
from orchestrator.errors import NotAFileError, PlanError, Problem
from orchestrator.plan.columns import is_open
from orchestrator.plan.dependencies import Dependencies
from orchestrator.plan.front_matter import setting_named
from orchestrator.plan.parser import is_ours, own_statuses, parse_plan
from orchestrator.plan.sections import without_sections
from orchestrator.runner.preview import RunPreview, preview_run
from orchestrator.scheduler.budget import DUST, LEAST_CAP, too_little
from orchestrator.services.assignments import require_files
from orchestrator.services.run_request import RunRequest
from orchestrator.services.status import STILL_ASKED, find_orphans
from orchestrator.services.task_settings import task_settings
from orchestrator.services.task_types import odd_type
from orchestrator.store.atomic import read_file
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

#: Tasks named at most.
_NAMED = 5
#: Cells quoted at most, each in a line of its own.
_QUOTED = 10
#: A ranking that a person writes down ends here.
_RANKS = 9
#: Agents that take what they are given for the answer, whatever form it has.
_UNCHECKED = frozenset({Program.SHELL, Program.COMMAND})
#: A box before the text of a task that is done.
_TICKED = re.compile(r"\[[xX✓✔]\]|[☑✅✔]")
#: What makes it count that a task is not to run.
_COMMANDS = {TaskStatus.COMPLETED: "complete", TaskStatus.BLOCKED: "block", TaskStatus.CANCELLED: "cancel"}


def remarks(ahead: RunPreview, agents: Mapping[str, Agent]) -> list[str]:
    """Return what is to be said of a plan, each in one line. *agents* say what costs something.

    Raises:
        StoreError: the plan cannot be read any more.
    """
    return [
        *_left_blank(ahead),
        *_unread_files(ahead),
        *_columns(ahead.board.plan),
        *_ranks(ahead.board.plan),
        *_types(ahead),
        *_schemas(ahead),
        *_cells(ahead),
        *_ticked(ahead),
        *_money(ahead, agents),
        *_times(ahead),
        *_requests(ahead),
    ]


def require_written(ahead: RunPreview) -> None:
    """Make sure that no agent is paid for an example row.

    Raises:
        PlanError: a task that would run has a placeholder as its description.
    """
    if named := _placeholders(ahead):
        hint = "write into those rows what is to be done, or delete them; --simulate tries the plan anyway"
        where = ahead.board.plan.tasks[named[0]].where
        raise PlanError([Problem(next(_left_blank(ahead)), where, hint, "placeholder")])


def _placeholders(ahead: RunPreview) -> list[str]:
    """Return the tasks of which an agent would read, for money, that a user was to say what is to be done."""
    tasks, files = ahead.board.plan.tasks, ahead.workspace.assignments
    return [
        task_id
        for task_id in ahead.to_run
        if is_left_blank(tasks[task_id].description)
        and ahead.registry[ahead.policies[task_id].agent].runs in {Program.CLAUDE, Program.COMMAND}
        and not files.is_of_a_person(tasks[task_id])
    ]


def _left_blank(ahead: RunPreview) -> Iterator[str]:
    if named := _placeholders(ahead):
        row = ahead.board.plan.tasks[named[0]]
        yield (
            f"nobody has written yet what is to be done in {join_first(named, _NAMED)}: "
            f"{one_line(row.description, 60)} is a place for it"
        )


def _unread_files(ahead: RunPreview) -> Iterator[str]:
    """Name task files that a user wrote for tasks which have others: they would do what stands in their rows."""
    tasks, files = ahead.board.plan.tasks, ahead.workspace.assignments
    bare = [each for each in ahead.to_run if not files.is_of_a_person(tasks[each])]
    if bare and (unread := files.unread(tasks.values())):
        yield (f"no task reads {join_first(unread, _NAMED)}: the file of {bare[0]} is {files.shown(tasks[bare[0]])}")


def _columns(plan: Plan) -> Iterator[str]:
    """Name the columns that are called like settings of tasks: they are inputs of the agent as any other."""
    headers = dict.fromkeys(header for task in plan.tasks.values() for header, _ in task.inputs)
    if not headers:
        return

    said = Dependencies(list(plan.tasks.values()))
    for header in headers:
        inputs = [(task.id, dict(task.inputs).get(header, "")) for task in plan.tasks.values()]
        if said.order(inputs, in_prose=False):
            yield (
                f"the column {one_line(header, 40)} names tasks, and orders nothing: what a task waits for stands in "
                "its dependencies"
            )
        if setting := setting_named(header):
            place = "of a task file" if setting == "budget_usd" else "of the plan, or of a task file"
            yield (
                f"the column {one_line(header, 40)} sets nothing, its cells only go to the agents: "
                f"write `{setting}:` into the front matter {place}"
            )


def _ranks(plan: Plan) -> Iterator[str]:
    """Say which way priorities from 1 on count, where no one can see it from them: 1, 2, 3 may be a ranking."""
    numbers = {task.priority for task in plan.tasks.values() if task.priority_text.isdecimal()}
    if len(numbers) > 1 and 1 in numbers and max(numbers) <= _RANKS:
        listed = ", ".join(map(str, sorted(numbers)))
        yield (
            f"priorities are {listed}: the bigger number runs first; write P0, P1, P2 in the column Priority if 1 is "
            "meant to"
        )


def _types(ahead: RunPreview) -> Iterator[str]:
    """Name the types that are nearly one that a person wrote a file for, each once."""
    first: dict[str, Task] = {}
    for task in ahead.board.plan.tasks.values():
        first.setdefault(task.type, task)
    yield from filter(None, (odd_type(task, ahead.registry) for task in first.values()))


def _schemas(ahead: RunPreview) -> Iterator[str]:
    """Name the tasks whose answers no one holds to their schema."""
    named = [
        task_id
        for task_id in ahead.to_run
        if (meant := ahead.meant[task_id]).schema and ahead.registry[meant.agent].runs in _UNCHECKED
    ]
    if named:
        yield (
            f"the `schema` of {join_first(named, _NAMED)} is not checked: only an agent that runs claude looks at it; "
            "leave it out, or let the command check what it prints"
        )


def _cells(ahead: RunPreview) -> Iterator[str]:
    """Name the tasks that run although the person's own Status cell does not say that they are still to be done."""
    data = read_file(ahead.order.layout.plan) or b"" if ahead.to_run else b""
    # Not at the top: of most plans that were never changed since they were read nothing of this is needed.

    try:
        said = own_statuses(data)
    except ValueError:
        return  # it was changed a moment ago, and the run tells of that
    if not said:
        return

    # In our own words it is what we drew, and it is out of date; but what is cancelled never runs without a word.
    is_drawn = without_sections(data) != data
    over = [
        each
        for each in ahead.to_run
        if not is_open(text := said.get(each, ("", ""))[1])
        and not (is_drawn and is_ours(text) and parse_status(text) is not TaskStatus.CANCELLED)
    ]
    read = {each: parse_status(said[each][1]) for each in over}
    for status in _COMMANDS:
        if tasks := [each for each in over if read[each] is status]:
            yield _unread(status, tasks)
    odd = [each for each in over if read[each] is None]
    for each in odd[:_QUOTED]:
        yield (
            f"the {one_line(said[each][0], 40)} cell of {each} says {one_line(said[each][1], 40)!r}, but is never "
            f"read, so it runs; `orchestrator complete {each}` says that it is done"
        )
    if more := odd[_QUOTED:]:
        yield f"the Status cells of {join_first(more, len(more))} are never read either, so they run"


def _ticked(ahead: RunPreview) -> Iterator[str]:
    """Name the tasks that run although their texts begin with a box that is ticked."""
    tasks = ahead.board.plan.tasks
    ticked = [each for each in ahead.to_run if any(map(_TICKED.match, (tasks[each].name, tasks[each].description)))]
    if ticked:
        yield (
            f"the box before {join_first(ticked, _NAMED)} is ticked, but never read: it is run all the same; "
            f"`orchestrator complete {ticked[0]}` says that it is done"
        )


def _money(ahead: RunPreview, agents: Mapping[str, Agent]) -> Iterator[str]:
    """Name a flag that would raise a budget, and the tasks that could not be started with what is left, even if no cost
    that it is unknown counted.
    """
    budget, asked = ahead.settings.budget_usd, ahead.order.flags.get("budget_usd")
    if asked is not None and asked != budget:
        given = usd(asked) if asked else "no limit"
        yield (
            f"the budget of {usd(budget)} in the plan stays: --budget-usd ({given}) only lowers it; "
            "raise `budget_usd` in the plan, or say --raise-budget for one run"
        )
    asked = ahead.order.flags.get("task_budget_usd")
    if asked is not None and (smaller := [each for each in ahead.to_run if ahead.meant[each].task_budget_usd != asked]):
        yield (
            f"--task-budget-usd only lowers: {join_first(smaller, _NAMED)} may cost less, "
            "as the plan or a task file says"
        )
    if not budget:
        return
    # With `--fresh` what was paid for moves to the archive.
    spent = total_cost([] if ahead.order.is_fresh else ahead.board.paid_for())
    left = max(budget - spent.known, 0.0)
    never = {}
    for task_id in ahead.to_run:
        policy = ahead.policies[task_id]
        own = (policy.task_budget_usd or math.inf) - spent.by_task.get(task_id, 0.0)
        is_paid = policy.agent in agents and agents[policy.agent].account
        # Without money of its own it is another budget that is used up.
        if is_paid and own > DUST and left + DUST < (own if own < math.inf else LEAST_CAP):
            never[task_id] = own
    if never:
        of_it, is_left = (f"{usd(left)} of ", "left, ") if spent.known else ("", "")
        yield (
            f"{of_it}the budget of {usd(budget)} is {is_left}{too_little(never)}: "
            "raise `budget_usd` in the plan, or say less in the task file"
        )


def _times(ahead: RunPreview) -> Iterator[str]:
    """Name the tasks whose attempts would end before the time that a user thinks they take."""
    tasks = ahead.board.plan.tasks
    named = [
        task_id
        for task_id in ahead.to_run
        if not tasks[task_id].children and (tasks[task_id].estimate or 0.0) > ahead.meant[task_id].timeout
    ]
    if named:
        first = tasks[named[0]]
        timeout = ahead.meant[first.id].timeout
        yield above_timeout(join_first(named, _NAMED), first.estimate or 0.0, timeout)


def _requests(ahead: RunPreview) -> Iterator[str]:
    """Name what a run that is gone left undone: it may change which tasks there are to run."""
    if asked := find_orphans(ahead.order.layout):
        yield f"{STILL_ASKED}{join_first(asked, _NAMED)}"


def _unread(status: TaskStatus, tasks: Sequence[str]) -> str:
    many = len(tasks) > 1
    return (
        f"the Status cell{'s' if many else ''} of {join_first(tasks, _NAMED)} "
        f"{'say' if many else 'says'} {status.value}, but {'are' if many else 'is'} never read, "
        f"so {'they run' if many else 'it runs'}; what says so is `orchestrator {_COMMANDS[status]} {tasks[0]}`"
    )


# ── validate ────────
#
# Say everything that is wrong with a plan, its task files and its agents. Looking writes nothing.


def validate(layout: Layout, registry: AgentRegistry) -> RunPreview:
    """Return what a run would do that accepts the plan; check the task files and the agents too.

    Raises:
        PlanError: every problem with file and line. Nothing was written.
        NotFoundError, StoreError: as their names say.
    """
    try:
        ahead = preview_run(RunRequest(layout=layout), registry)
    except PlanError as error:
        # A run stops at the plan itself; who mends it wants to know what is wrong beside it, too.
        problems = [*error.problems, *_file_problems(layout, registry)]
        raise PlanError(list(dict.fromkeys(problems))) from error
    require_files(ahead, ahead.board.plan.tasks)  # also where all is done: it may be done again
    return ahead


def advice(plan: Plan) -> list[str]:
    """Return what a plan could say better; a run does what it says all the same.

    A dependency that only keeps two tasks apart also says which one comes first.
    """
    named = [
        f"{task.id} on {need}" for task in plan.tasks.values() for need, kind in task.need_kinds if kind == "resource"
    ]
    if not named:
        return []
    what = "the dependency" if len(named) == 1 else "dependencies"
    text = (
        f"{what} (resource): {join_first(named, _NAMED)}. Where two tasks only must not run at the same time, say it "
        "in a column Writes (the files) or Concurrency (a word): then either may come first"
    )
    return [text]


def _file_problems(layout: Layout, registry: AgentRegistry) -> Sequence[Problem]:
    """Return what is wrong with the task files and the agents of a plan that is invalid itself."""
    workspace = Workspace(layout)
    try:
        plan, _ = parse_plan(read_file(layout.plan) or b"", workspace.shown_plan)
    except NotAFileError:
        return ()  # too large to be looked into, which is reported already
    tasks = {task_id: task for task_id, task in plan.tasks.items() if TASK_ID.fullmatch(task_id)}
    try:
        task_settings(workspace, plan._replace(tasks=tasks), registry)
    except PlanError as error:
        return error.problems
    return ()

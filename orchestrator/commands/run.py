"""The command ``run``: do what is not completed yet."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.commands.call import Call
from orchestrator.commands.output import queue_output
from orchestrator.commands.registry import (
    DIR,
    DIRECTORY,
    JSON,
    Command,
    Parameter,
    Words,
    duration,
    flag,
    option,
    options,
    with_help,
)
from orchestrator.commands.reply import named_directory, program, say_error, say_json, talk, with_program, write
from orchestrator.commands.run_summary import keep_loaded, run_once
from orchestrator.core.notification import targets
from orchestrator.core.params import read_given
from orchestrator.core.readiness import kept_back
from orchestrator.core.settings import read_setting
from orchestrator.core.timestamp import format_local, next_timestamp
from orchestrator.errors import AgentError, ApprovalError, OrchestratorError, PlanError, TransitionError, UsageError
from orchestrator.lazy import LazyModule
from orchestrator.runner.clock import Clock
from orchestrator.runner.detach import detach
from orchestrator.runner.preview import RunPreview, merges, preview_run, require_params, require_values, values_of
from orchestrator.runner.repeat import run_repeatedly
from orchestrator.runner.run import RunReport, examine, run
from orchestrator.runner.warnings import remarks, require_written
from orchestrator.services.assignments import require_files
from orchestrator.services.plans import require_approval
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.services.status import find_orphans
from orchestrator.store.disk import denied
from orchestrator.store.layout import Layout
from orchestrator.store.lock import LATEST, busy, lock_owner, say_waiting, wait_no_longer
from orchestrator.store.task_ids import resolve_ids
from orchestrator.views.brief import command_line
from orchestrator.wiring import detached, plugins

if TYPE_CHECKING:
    from orchestrator.commands import plan as plan_command
    from orchestrator.planner import draft_file
else:
    draft_file = LazyModule("orchestrator.planner.draft_file")
    plan_command = LazyModule("orchestrator.commands.plan")

#: How the names of workflow files end.
WORKFLOWS = (".json", ".yaml", ".yml")
#: Settings of a run that are options: what stands for the value, and the help text.
_SETTINGS = {
    "max_parallel": ("N", "Agents at the same time (default 4)."),
    "timeout": ("D", "Time for one attempt: 90, 5m, 1h30m (default 300s)."),
    "run_timeout": ("D", "Time for the whole run; then it ends in order, with status 4."),
    "retries": ("N", "Repeats after the first attempt (default 2, of commands 0)."),
    "retry_delay": ("D", "Base of the exponential backoff (default 2s)."),
    "grace": ("D", "Time between SIGTERM and SIGKILL (default 5s)."),
    "on_failure": ("continue|stop", "After a failure: go on with the rest, or start nothing new."),
    "agent": ("KEY", "Agent of tasks that name none; the command `agents` lists them."),
    "model": ("M", "Model asked of the agent."),
    "permission_mode": ("MODE", "acceptEdits (default), default, dontAsk, plan, auto, bypassPermissions."),
    "allowed_tools": ("RULES", "Rules that let a tool through: 'Bash(python3 *),Edit(docs/**)'."),
    "on_denial": ("fail|accept", "When something was not allowed (default fail)."),
    "budget_usd": ("X", "USD the whole plan may cost, earlier runs included; less, if the plan says less."),
    "task_budget_usd": ("X", "USD one task may cost; less, if its task file or the plan says less."),
    "on_hold": ("wait|stop", "At a usage limit: wait until the account opens again, or exit with 4."),
    "near_limit": ("N", "Agents at the same time once a limit is near (default 1; 0: no fewer)."),
    "workdir": ("PATH", "Where agents work (default: the directory that holds .orchestrator)."),
    "aggregate": ("structured|concat|claude", "How final_output.md is made."),
}


def _setting(name: str) -> Parameter:
    metavar, text = _SETTINGS[name]
    completion: Words = "agent" if name == "agent" else ""
    return Parameter(metavar, text, read=partial(read_setting, name), completion=completion)


@dataclass(frozen=True)
class RunParams:
    """What is run, and how."""

    settings: Mapping[str, Any] = options({name: _setting(name) for name in _SETTINGS})
    raise_budget: float | None = option(
        "USD the whole plan may cost in this run, also where the plan says less.",
        metavar="X",
        read=partial(read_setting, "budget_usd"),
    )
    notify: Sequence[str] = option(
        "Whom to tell: desktop, 'slack=$NAME', 'command=…', none; may be repeated.", metavar="WHOM", is_repeated=True
    )
    param: Sequence[str] = option("A value for {{K}} in the plan.", metavar="K=V", is_repeated=True)
    parameters: str = option("""The same: '{"topic": "AI"}'.""", metavar="JSON", default="")
    simulate: bool = flag("Run nothing: every task answers with a made-up block.")
    claude_bin: str = option("The claude program (default: PATH).", metavar="PATH", default="")
    only: Sequence[str] = option("Only these tasks: T-01,T-02.", metavar="IDS", is_repeated=True, completion="tasks")
    tags: Sequence[str] = option(
        "Only tasks with this tag, also those added meanwhile; one must have it already.",
        metavar="TAG",
        names=("--tag",),
        is_repeated=True,
        completion="tag",
    )
    grows: bool = flag("", is_hidden=True)  # for `auto-dispatch`: it adds to --only
    fresh: bool = flag("Do what is completed again; results so far move to archive/, and the budget counts anew.")
    at: str | None = option("Start at 07:30, or at 2026-01-31T09:00 (local time).", metavar="TIME")
    every: float | None = option(
        "Run again every 30m, 1h, 1d, until Ctrl-C.", metavar="D", read=partial(duration, least=1.0)
    )
    detach: bool = flag("Return at once; the run goes on. See `wait`.")
    dry_run: bool = flag("Say what would run; start and write nothing.")


def execute(call: Call, params: RunParams) -> RunReport:
    """Run everything that is not completed yet.

    Tasks start when what they depend on is done and a slot is free.

    Run it again at any time: finished tasks are kept, the rest goes on. A workflow file (.json, .yaml) in the place of
    DIR is planned first, as by `plan --from`, unless the plan was made of it.

    Ctrl-C stops the agents, keeps what is known, and exits.

    Examples:
      orchestrator run .orchestrator/
      orchestrator run --detach --budget-usd 10
      orchestrator run --only T-01,T-02 --max-parallel 2
    """
    request = run_request(call.plan(), params)
    return run(request, plugins(params.claude_bin, request.layout), lambda _: None)


def main(call: Call, params: RunParams) -> int:
    """Run in the foreground or the background, now or later, once or again and again; or say what would run."""
    request = run_request(plan_of(call, params), params)
    chosen = plugins(params.claude_bin, request.layout)
    if params.dry_run:
        preview = preview_run(request, chosen.registry)
        require_params(preview)
        require_files(preview, preview.to_run)
        _print_preview(preview, chosen, is_json=call.is_json)
        return 0
    begin = None if params.at is None else _read_time(params.at)
    if params.detach:
        _detach(call, request, chosen, waits=params.at is not None)
        return 0
    keep_loaded()
    queue_output()
    run_this = partial(run_once, request, chosen, as_json=call.is_json)
    if params.at is None and params.every is None:
        return int(run_this().exit_status)
    if params.at is not None:
        examine(request, chosen)  # what is wrong is said now, and not tonight
    return _run_in_rounds(request.layout, run_this, begin, params.every, is_json=call.is_json)


def plan_of(call: Call, params: RunParams) -> Layout:
    """Return the plan directory; a workflow file in its place is planned, unless that was done before.

    Raises:
        As ``Call.plan`` and ``plan.execute``.
    """
    path = call.directory or ""
    if not (path.endswith(WORKFLOWS) and os.path.isfile(path)):
        return call.plan()
    here = plan_command.layout_for_new(replace(call, directory=None))
    if draft_file.is_made_of(here, path):
        return here
    if params.dry_run:
        hint = f"orchestrator plan --from {shlex.quote(path)} --dry-run"
        raise UsageError("there is no plan of this file yet, and --dry-run writes none", where=path, hint=hint)
    _require_sense(here, path, params)
    try:
        asked = plan_command.PlanParams(source=path, claude_bin=params.claude_bin)
        planned = plan_command.execute(replace(call, directory=None), asked)
    except UsageError as error:
        if error.where == here.plan:  # what is there is not finished
            error.hint = f"{error.hint.partition(',')[0]}, name another directory with --dir, or move it aside: "
            error.hint += f"orchestrator plan --from {shlex.quote(path)} --force"
        raise
    for line in plan_command.notes(planned):
        talk(with_program(line))
    return here


def _require_sense(layout: Layout, path: str, params: RunParams) -> None:
    """Refuse options that could not run the plan of a workflow file, before that is written.

    Raises:
        UsageError: one is wrong, or a parameter is missing.
    """
    given = run_request(layout, replace(params, only=())).params
    found = draft_file.load_draft(path, "workflow")
    if found is not None and not found.problems:
        declared = read_setting("params", found.settings.get("params", {}))
        require_values(declared, values_of(declared, given, path), path)


def run_request(layout: Layout, params: RunParams) -> RunRequest:
    """Return what the options of ``run`` ask for.

    Raises:
        UsageError: an option names no task or tag, both sums of a budget are given, or a notifier is wrong.
    """
    settings = dict(params.settings)
    if params.raise_budget is not None and settings.get("budget_usd") is not None:
        message = "--budget-usd and --raise-budget are both given"
        raise UsageError(message, hint="--budget-usd only lowers the plan's budget: give one of them")
    if settings.get("workdir"):
        # A path that was typed counts from here.
        settings["workdir"] = os.path.abspath(settings["workdir"])
    if params.notify:
        settings["notify"] = _read_notify(params.notify)
    only = [resolve_ids(layout, ",".join(params.only))] if params.only else []
    return RunRequest(
        layout=layout,
        flags=settings,
        simulate=params.simulate,
        only=_listed("--only", "task", only),
        tags=[tag.lstrip("#") for tag in _listed("--tag", "tag", params.tags)],
        is_fresh=params.fresh,
        raised_budget=params.raise_budget,
        grows=params.grows,
        params=read_given(params.param, params.parameters),
    )


def _listed(option: str, what: str, values: Sequence[str]) -> list[str]:
    names = [word.strip() for each in values for word in each.split(",") if word.strip()]
    if values and not names:
        # A variable of a shell that is not set; everything is hardly what is meant.
        raise UsageError(f"{option} names no {what}", hint="leave it out to run everything")
    return names


def _read_notify(words: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """Return the notifiers that were named.

    Raises:
        UsageError: one is not understood, or has an address, which other users of this machine could read.
    """
    try:
        read = read_setting("notify", words[0] if len(words) == 1 else list(words))
    except ValueError as error:
        message = f"Invalid value for '--notify': {error}"
        raise UsageError(message, hint="orchestrator run --help") from None
    for target in targets(read):
        if target.is_secret:
            raise UsageError(
                f"Invalid value for '--notify': {target.way}: other users of this machine can read an "
                f"address that stands here; put it into a variable and name that: "
                f"'{target.way}=$NAME', in single quotes",
                hint="orchestrator run --help",
            )
    return tuple(read)


# ── --dry-run ────────────────────────────────────────────────────────────────────────────────────────────────────


def _print_preview(preview: RunPreview, chosen: Plugins, *, is_json: bool) -> None:
    plan, shape, held_up = (preview.board.plan, preview.board.shape, kept_back(preview.board, preview.to_run))
    refused = _refusal(preview, chosen)

    def facts(task_id: str) -> dict[str, Any]:
        name, agent = plan.tasks[task_id].name, preview.policies[task_id].agent
        return {"id": task_id, "name": name, "agent": agent}

    listed = [
        facts(task_id) | {"batch": shape.batch[task_id], "needs": plan.tasks[task_id].needs}
        for task_id in preview.to_run
        if task_id not in held_up
    ]
    waiting = [facts(task_id) | {"why": why} for task_id, why in held_up.items()]
    more = f", {len(waiting)} {'is' if len(waiting) == 1 else 'are'} kept back" if waiting else ""
    message = f"{len(listed)} of {len(plan.tasks)} tasks would run{more}"
    message += ", then claude merges the results" if merges(preview) else ""
    if find_orphans(preview.order.layout):
        message += "; what is still asked for comes first"
    warnings = list(map(with_program, remarks(preview, chosen.agents)))
    if is_json:
        why = str(refused or "")
        say_json(message, tasks=listed, kept_back=waiting, refused=why, warnings=warnings)
        return
    lines = [f"batch {each['batch']}  {each['id']}  {each['agent']}  {each['name']}" for each in listed]
    lines += [f"kept back  {each['id']}  {each['agent']}  {each['name']} · {each['why']}" for each in waiting]
    write("\n".join([*lines, message]) + "\n")
    for warning in warnings:
        talk(f"warning: {warning}")
    if refused is not None:
        talk(f"warning: {refused}\n  hint: {with_program(refused.hint)}")


def _refusal(preview: RunPreview, chosen: Plugins) -> OrchestratorError | None:
    """Return why the run itself would be refused: for want of rights, approval or an agent, or by another run."""
    if (refused := denied(preview.order.layout)) is not None:
        return refused
    try:
        if not preview.order.simulate:
            require_approval(preview.order.layout, preview.board.plan.header)
        require_written(preview)
        chosen.require({task_id: preview.policies[task_id] for task_id in preview.to_run})
    except (AgentError, ApprovalError, PlanError, TransitionError) as error:
        return error
    holder = lock_owner(preview.order.layout.lock)
    return None if holder is None else busy(holder)


# ── --detach ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _detach(call: Call, request: RunRequest, chosen: Plugins, *, waits: bool) -> None:
    """Start the run in the background, and print its id and how to follow it.

    Of one that *waits* for its time there is no run yet: the answer is its process.
    """
    words = list(call.words)
    # What it prints is for people who read the file; and behind `--` a word is no option.
    at = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:at] if word not in {"--detach", "--json"}]
    started = detach(request, chosen, detached, ["run", *kept, *words[at:]], waits=waits)
    if waits:
        message, key = started.said, str(started.pid)
        following = command_line(program(), "stop", named_directory())
    else:
        message, key = f"run {started.run} goes on by itself", started.run
        following = command_line(program(), "wait", named_directory())
    if call.is_json:
        run_id = "" if waits else started.run
        say_json(message, run=run_id, pid=started.pid, log=started.log, next=following)
        return
    write(f"{key}\n")
    talk(f"{message}\nto end it: {following}" if waits else f"next: {following}")


# ── --at and --every ─────────────────────────────────────────────────────────────────────────────────────────────


def _read_time(text: str) -> float:
    """Return when ``--at`` means, in seconds since the epoch.

    Raises:
        UsageError: it is no time, or over.
    """
    try:
        found = next_timestamp(text, datetime.now().astimezone()).timestamp()
        if found >= LATEST:
            raise ValueError(f"{text!r} is after every calendar")
        return found
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--at: {error}", hint="orchestrator run --at 07:30") from None


def _run_in_rounds(
    layout: Layout, run_once: Callable[[], RunReport], at: float | None, every: float | None, *, is_json: bool
) -> int:
    """Run at a time, again and again, until a signal ends it or its plan is over or gone; return the exit status.

    Raises:
        OrchestratorError: as ``run``, in the first round, or of a plan that can no longer be run.
    """

    def complain(error: OrchestratorError) -> None:
        if isinstance(error, TransitionError) or not os.path.isdir(layout.root):
            raise error
        say_error(error, as_json=is_json)

    def say_until(seconds: float) -> None:
        try:
            say_waiting(layout, seconds)
        except OrchestratorError as error:
            if seconds == at and denied(layout) is not None:
                raise  # nor could it run at its time
            complain(error)
        talk(f"waits until {format_local(seconds)}")

    try:
        return run_repeatedly(run_once, at=at, every=every, tell=say_until, complain=complain, clock=Clock())
    finally:
        wait_no_longer(layout)


COMMAND = Command(
    RunParams,
    execute,
    main=main,
    takes=(DIRECTORY, DIR, with_help(JSON, "Print one event per line, then the summary.")),
)

"""``run``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from orchestrator.cli.detaching import KeepsWords, start_detached
from orchestrator.cli.foreground import keep_loaded, run_once
from orchestrator.cli.options import Duration, takes_directory
from orchestrator.cli.output import queue_output
from orchestrator.commands.reply import as_called, plan_directory, say_json, talk, write
from orchestrator.core.settings import read_setting
from orchestrator.errors import (
    AgentError,
    ApprovalError,
    OrchestratorError,
    PlanError,
    TransitionError,
    UsageError,
)
from orchestrator.runner.preview import RunPreview, kept_back, merges, preview_run
from orchestrator.runner.run import examine
from orchestrator.runner.warnings import remarks, require_written
from orchestrator.services.assignments import require_files
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.services.status import find_orphans
from orchestrator.store.disk import denied
from orchestrator.store.layout import Layout
from orchestrator.store.lock import busy, lock_owner
from orchestrator.store.task_ids import resolve_ids
from orchestrator.wiring import plugins


def _setting(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def read(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is None:
            return None
        try:
            return read_setting(name, value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return read


def _flag(name: str, metavar: str, text: str) -> Callable[[Any], Any]:
    option = f"--{name.replace('_', '-')}"
    return click.option(option, name, metavar=metavar, callback=_setting(name), help=text)


def _whom(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[Mapping[str, Any], ...] | None:
    if not words:
        return None
    from orchestrator.core.notification import targets

    read = _setting("notify")(context, parameter, words[0] if len(words) == 1 else list(words))
    for target in targets(read):
        if target.is_secret:
            raise click.BadParameter(
                f"{target.way}: other users of this machine can read an address that stands here; "
                f"put it into a variable and name that: '{target.way}=$NAME', in single quotes",
                context,
                parameter,
            )
    return tuple(read)


@click.command("run", cls=KeepsWords)
@takes_directory
@_flag("max_parallel", "N", "Agents at the same time (default 4).")
@_flag("timeout", "D", "Time for one attempt: 90, 5m, 1h30m (default 300s).")
@_flag("retries", "N", "Repeats after the first attempt (default 2, of commands 0).")
@_flag("retry_delay", "D", "Base of the exponential backoff (default 2s).")
@_flag("grace", "D", "Time between SIGTERM and SIGKILL (default 5s).")
@_flag("on_failure", "continue|stop", "After a failure: go on with the rest, or start nothing new.")
@_flag("agent", "KEY", "Agent of tasks that name none; the command `agents` lists them.")
@_flag("model", "M", "Model asked of the agent.")
@_flag(
    "permission_mode",
    "MODE",
    "acceptEdits (default), default, dontAsk, plan, auto, bypassPermissions.",
)
@_flag("allowed_tools", "RULES", "Rules that let a tool through: 'Bash(python3 *),Edit(docs/**)'.")
@_flag("on_denial", "fail|accept", "When something was not allowed (default fail).")
@_flag(
    "budget_usd",
    "X",
    "USD the whole plan may cost, earlier runs included; less, if the plan says less.",
)
@click.option(
    "--raise-budget", "raised_budget", metavar="X", callback=_setting("budget_usd"),
    help="USD the whole plan may cost in this run, also where the plan says less.",
)  # fmt: skip
@_flag(
    "task_budget_usd", "X", "USD one task may cost; less, if its task file or the plan says less."
)
@_flag(
    "on_hold", "wait|stop", "At a usage limit: wait until the account opens again, or exit with 4."
)
@_flag("near_limit", "N", "Agents at the same time once a limit is near (default 1; 0: no fewer).")
@_flag("workdir", "PATH", "Where agents work (default: the directory that holds .orchestrator).")
@click.option(
    "--notify",
    "notify",
    multiple=True,
    metavar="WHOM",
    callback=_whom,
    help="Whom to tell: desktop, 'slack=$NAME', 'command=…', none; may be repeated.",
)
@_flag("aggregate", "structured|concat|claude", "How final_output.md is made.")
@click.option(
    "--simulate", is_flag=True, help="Run nothing: every task answers with a made-up block."
)
@click.option(
    "--claude-bin", default="", metavar="PATH", help="The claude program (default: PATH)."
)
@click.option("--only", multiple=True, metavar="IDS", help="Only these tasks: T-01,T-02.")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG",
    help="Only tasks with this tag, also those added meanwhile; one must have it already.",
)  # fmt: skip
@click.option("--grows", is_flag=True, hidden=True)  # for `auto-dispatch`: it adds to --only
@click.option(
    "--fresh",
    "is_fresh",
    is_flag=True,
    help="Do what is completed again; results so far move to archive/, and the budget counts anew.",
)
@click.option("--at", metavar="TIME", help="Start at 07:30, or at 2026-01-31T09:00 (local time).")
@click.option(
    "--every",
    metavar="D",
    type=Duration(is_pause=True),
    help="Run again every 30m, 1h, 1d, until Ctrl-C.",
)
@click.option("--detach", is_flag=True, help="Return at once; the run goes on. See `wait`.")
@click.option("--dry-run", is_flag=True, help="Say what would run; start and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one event per line, then the summary.")
@click.pass_context
def run_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    simulate: bool,
    claude_bin: str,
    only: tuple[str, ...],
    tags: tuple[str, ...],
    grows: bool,
    is_fresh: bool,
    raised_budget: float | None,
    at: str | None,
    every: float | None,
    detach: bool,
    dry_run: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Run everything that is not completed yet.

    Tasks start when what they depend on is done and a slot is free.

    \b
    Run it again at any time: finished tasks are kept, the rest goes on.
    Ctrl-C stops the agents, keeps what is known, and exits.

    \b
      orchestrator run .orchestrator/
      orchestrator run --detach --budget-usd 10
      orchestrator run --only T-01,T-02 --max-parallel 2
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    order = order_of(
        layout, simulate=simulate, only=only, grows=grows, tags=tags, is_fresh=is_fresh,
        raised_budget=raised_budget, **settings,
    )  # fmt: skip
    chosen = plugins(claude_bin, order.layout)
    if dry_run:
        ahead = preview_run(order, chosen.registry)
        require_files(ahead, ahead.to_run)
        _say_prospect(ahead, chosen, as_json=as_json)
        return
    begin = None
    if at is not None:
        from orchestrator.cli.repeating import moment

        begin = moment(at)
    if detach:
        start_detached(context, order, chosen, as_json=as_json, waits=at is not None)
        return
    keep_loaded()
    queue_output()
    run_this = partial(run_once, order, chosen, as_json=as_json)
    if at is None and every is None:
        context.exit(int(run_this().exit_status))
    from orchestrator.cli.repeating import run_in_rounds

    if at is not None:
        examine(order, chosen)  # what is wrong is said now, and not tonight
    context.exit(run_in_rounds(order.layout, run_this, begin, every, as_json=as_json))


def order_of(
    layout: Layout,
    *,
    simulate: bool,
    only: Sequence[str],
    grows: bool,
    tags: Sequence[str],
    is_fresh: bool,
    raised_budget: float | None,
    **settings: Any,
) -> RunRequest:
    """Return what the options of ``run`` ask for.

    Raises:
        UsageError: an option that names tasks or tags names none, or both sums of a budget are given.
    """
    if raised_budget is not None and settings.get("budget_usd") is not None:
        message = "--budget-usd and --raise-budget are both given"
        raise UsageError(
            message, hint="--budget-usd only lowers the plan's budget: give one of them"
        )
    if settings.get("workdir"):
        # A path that was typed counts from here.
        settings["workdir"] = os.path.abspath(settings["workdir"])
    return RunRequest(
        layout=layout,
        flags={name: value for name, value in settings.items() if value is not None},
        simulate=simulate,
        only=_listed("--only", "task", [resolve_ids(layout, ",".join(only))] if only else []),
        tags=[tag.lstrip("#") for tag in _listed("--tag", "tag", tags)],
        is_fresh=is_fresh,
        raised_budget=raised_budget,
        grows=grows,
    )


def _listed(option: str, what: str, values: Sequence[str]) -> list[str]:
    names = [word.strip() for each in values for word in each.split(",") if word.strip()]
    if values and not names:
        # A variable of a shell that is not set; everything is hardly what is meant.
        raise UsageError(f"{option} names no {what}", hint="leave it out to run everything")
    return names


def _say_prospect(ahead: RunPreview, chosen: Plugins, *, as_json: bool) -> None:
    plan, shape, held_up = ahead.board.plan, ahead.board.shape, kept_back(ahead)
    refused = _refusal(ahead, chosen)
    listed = [
        {
            "id": task_id,
            "name": plan.tasks[task_id].name,
            "batch": shape.batch[task_id],
            "agent": ahead.policies[task_id].agent,
            "needs": plan.tasks[task_id].needs,
        }
        for task_id in ahead.to_run
        if task_id not in held_up
    ]
    waiting = [
        {
            "id": task_id,
            "name": plan.tasks[task_id].name,
            "agent": ahead.policies[task_id].agent,
            "why": why,
        }
        for task_id, why in held_up.items()
    ]
    more = f", {len(waiting)} {'is' if len(waiting) == 1 else 'are'} kept back" if waiting else ""
    message = f"{len(listed)} of {len(plan.tasks)} tasks would run{more}"
    message += ", then claude merges the results" if merges(ahead) else ""
    if find_orphans(ahead.order.layout):
        message += "; what is still asked for comes first"
    warnings = list(map(as_called, remarks(ahead, chosen.agents)))
    if as_json:
        say_json(
            message,
            tasks=listed,
            kept_back=waiting,
            refused=str(refused or ""),
            warnings=warnings,
        )
        return
    lines = [
        f"batch {each['batch']}  {each['id']}  {each['agent']}  {each['name']}" for each in listed
    ]
    lines += [
        f"kept back  {each['id']}  {each['agent']}  {each['name']} · {each['why']}"
        for each in waiting
    ]
    write("\n".join([*lines, message]) + "\n")
    for warning in warnings:
        talk(f"warning: {warning}")
    if refused is not None:
        talk(f"warning: {refused}\n  hint: {as_called(refused.hint)}")


def _refusal(ahead: RunPreview, chosen: Plugins) -> OrchestratorError | None:
    """Return why the run itself would be refused: the plan is closed to us, by its state, for want of an agent, or by
    another run.
    """
    from orchestrator.services.plans import require_approval  # most plans say no state

    if (refused := denied(ahead.order.layout)) is not None:
        return refused
    try:
        if not ahead.order.simulate:
            require_approval(ahead.order.layout, ahead.board.plan.header)
        require_written(ahead)
        chosen.require({task_id: ahead.policies[task_id] for task_id in ahead.to_run})
    except (AgentError, ApprovalError, PlanError, TransitionError) as error:
        return error
    holder = lock_owner(ahead.order.layout.lock)
    return None if holder is None else busy(holder)

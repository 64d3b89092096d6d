"""``run``."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from orchestrator.actions.prospect import Prospect, RunOrder, look_ahead
from orchestrator.actions.report import RunReport
from orchestrator.actions.running import examine, run
from orchestrator.cli.detaching import KeepsWords, start_detached
from orchestrator.cli.duration import Duration
from orchestrator.cli.progress import progress
from orchestrator.cli.reply import plan_directory, program, say_json, takes_directory, write
from orchestrator.core.money import spending
from orchestrator.core.redact import redact
from orchestrator.core.settings import read_setting
from orchestrator.core.state import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus
from orchestrator.runtime.happening import Kind
from orchestrator.store.membership import full_ids
from orchestrator.views.figures import log_path
from orchestrator.views.glyphs import ICONS
from orchestrator.wiring import plugs

#: Failures named at the end of a run at most.
_MOST = 10


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


def _moment(text: str) -> float | None:
    from orchestrator.cli.repeating import moment

    return moment(text)


def _whom(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[Mapping[str, Any], ...] | None:
    if not words:
        return None
    from orchestrator.core.notice import targets

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
@_flag("retries", "N", "Repeats after the first attempt (default 2).")
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
@_flag("budget_usd", "X", "USD the whole plan may cost, earlier runs included.")
@_flag("task_budget_usd", "X", "USD one task may cost.")
@_flag(
    "on_hold", "wait|stop", "At a usage limit: wait until the account opens again, or exit with 4."
)
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
@click.option(
    "--fresh",
    "is_fresh",
    is_flag=True,
    help="Do what is completed again; results so far move to archive/.",
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
    is_fresh: bool,
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
    if settings.get("workdir"):
        settings["workdir"] = os.path.abspath(
            settings["workdir"]
        )  # a path that was typed counts from here
    layout = plan_directory(directory, option)
    chosen_ids = full_ids(layout, ",".join(only)).split(",")
    order = RunOrder(
        layout=layout,
        flags={name: value for name, value in settings.items() if value is not None},
        simulate=simulate,
        only=[task_id.strip() for task_id in chosen_ids if task_id.strip()],
        tags=[tag.strip().lstrip("#") for each in tags for tag in each.split(",") if tag.strip()],
        is_fresh=is_fresh,
    )
    chosen = plugs(claude_bin, order.layout)
    if dry_run:
        _say_prospect(look_ahead(order, chosen.roster), as_json=as_json)
        return
    begin = _moment(at) if at else None
    if detach:
        named = option or directory or ""
        start_detached(context, order, chosen, named, as_json=as_json, waits=at is not None)
        return
    # What was loaded stays for the whole run: looking through it again and again would only take time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()

    def run_once() -> RunReport:
        with progress(as_json=as_json) as view:
            report = run(order, chosen, view.hear)
        _say_report(report, as_json=as_json)
        return report

    if at is None and every is None:
        context.exit(int(run_once().exit_status))
    from orchestrator.cli.repeating import run_in_rounds

    if at is not None:
        examine(order, chosen)  # what is wrong is said now, and not tonight
    context.exit(run_in_rounds(order.layout, run_once, begin, every, as_json=as_json))


def _say_prospect(ahead: Prospect, *, as_json: bool) -> None:
    plan, shape = ahead.board.plan, ahead.board.shape
    listed = [
        {
            "id": task_id,
            "name": plan.tasks[task_id].name,
            "batch": shape.batch[task_id],
            "agent": ahead.policies[task_id].agent,
            "needs": plan.tasks[task_id].needs,
        }
        for task_id in ahead.to_run
    ]
    message = f"{len(listed)} of {len(plan.tasks)} tasks would run"
    if as_json:
        say_json(message, tasks=listed)
        return
    lines = [
        f"batch {each['batch']}  {each['id']}  {each['agent']}  {each['name']}" for each in listed
    ]
    write("\n".join([*lines, message]) + "\n")


def _say_report(report: RunReport, *, as_json: bool) -> None:
    counts, total = report.board.counts(), len(report.board.plan.tasks)
    message = f"{counts[TaskStatus.COMPLETED]} of {total} tasks completed"
    if left := _left_to_people(report):
        message = f"{message}; {'; '.join(text for _, text in left[:_MOST])}"
    code = "ok"
    if report.failure is not None:
        code, message = report.failure.code, f"{message}; {report.failure}"
    elif report.signal:
        code, message = "stopped", f"{message}; stopped by signal {report.signal}"
    elif report.exit_status == ExitStatus.HELD:
        code, message = "held", f"{message}; {report.held_back}"
    elif report.exit_status == ExitStatus.TASK_FAILED:
        code = "tasks_failed"
    spent = spending(report.board.paid_for())
    if as_json:
        summary = {
            "event": "summary",
            "ok": report.exit_status == ExitStatus.DONE,
            "code": code,
            "message": message,
            "run": report.run,
            "launched": report.launched,
            "duration": round(report.duration, 3),
            "counts": {status.value: counts[status] for status in TaskStatus if counts[status]},
            "final_output": report.final_output,
            "cost_usd": spent.known,
            "unknown_costs": spent.unknown,
            "costs": {
                "task": dict(spent.by_task),
                "agent": dict(spent.by_agent),
                "model": dict(spent.by_model),
            },
        }
        _echo(json.dumps(summary, ensure_ascii=False))
        return
    if not total:
        _talk(f"the plan has no tasks: {program()} add TEXT adds one")
    if spent:
        _talk(f"💰 {spent}")
    _say_failures(report)
    if report.final_output:
        _echo(os.path.relpath(report.final_output))


def _left_to_people(report: RunReport) -> list[tuple[TaskStatus, str]]:
    """Say which tasks wait for somebody: blocked ones, and those that a person or an outside agent has in hand."""
    board, told = report.board, []
    for status in (TaskStatus.BLOCKED, TaskStatus.RUNNING):
        for task_id in board.by_status().get(status, []):
            word = "is blocked" if status is TaskStatus.BLOCKED else "is being done"
            told.append((status, f"{task_id} {word} {board.standing[task_id].reason}".strip()))
    return told


def _say_failures(report: RunReport) -> None:
    board, layout = report.board, report.layout
    failed = [
        task for task in board.plan.tasks.values() if board.status(task.id) is TaskStatus.FAILED
    ]
    for task in failed[:_MOST]:
        last = board.results[task.id].last
        log = f" · {os.path.relpath(f'{layout.root}/{log_path(task, last)}')}" if last else ""
        _talk(f"❌ {task.id} {one_line(board.standing[task.id].reason, limit=100)}{log}")
    if len(failed) > _MOST:
        _talk(f"   … and {len(failed) - _MOST} more: {program()} list --status failed")
    left = _left_to_people(report)
    for status, text in left[:_MOST]:
        _talk(f"{ICONS[status]} {one_line(text, limit=100)}")
    if len(left) > _MOST:
        _talk(f"   … and {len(left) - _MOST} more: {program()} list --status blocked,running")
    if report.failure is not None:
        _talk(f"error: {report.failure}")
        if report.failure.hint:
            _talk(f"  hint: {report.failure.hint}")
    elif failed or report.signal or report.held_back:
        _talk(f"  hint: {_hint(report)}")


def _hint(report: RunReport) -> str:
    if report.used_up is Kind.RUN_UNAFFORDABLE:
        return "raise budget_usd in the plan, and run it again; --budget-usd holds for one run. What is completed stays"
    if report.used_up is Kind.RUN_OVERSPENT:
        return "raise budget_usd in the task file, and run it again; what is completed stays"
    if report.signal or report.held_back:
        return "run it again to go on; what is completed stays"
    return (
        "mend what failed, then run it again: failed tasks are tried anew, what is completed stays"
    )


def _talk(line: str) -> None:
    try:
        click.echo(redact(line), err=True)
    except OSError:
        return  # as below


def _echo(line: str) -> None:
    try:
        click.echo(redact(line))
    except OSError:
        return  # nobody listens any more; the run is what counts, and its exit status says how it went

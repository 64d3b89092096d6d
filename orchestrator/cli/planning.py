"""``init``, ``validate``, ``graph`` and ``critical-path``."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.adding import known_agents
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.reply import (
    as_called,
    plan_directory,
    require_one,
    say_json,
    talk,
    terminal_width,
    write,
)
from orchestrator.core.critical_path import given_up, path_estimate
from orchestrator.core.duration import hours
from orchestrator.core.graph import critical_path
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.text import pluralize
from orchestrator.errors import UsageError
from orchestrator.planner.plan import init
from orchestrator.runner.warnings import remarks, validate
from orchestrator.services.agent_choice import Known
from orchestrator.services.status import status
from orchestrator.views import diagram

#: How a graph is drawn for other programs.
_PICTURES = {"mermaid": diagram.mermaid, "graphviz": diagram.dot, "dot": diagram.dot}


@click.command("init")
@takes_directory
@click.option("--request", default="", metavar="TEXT", help="What the plan is for.")
@click.option("--agent", default="", metavar="KEY", help="A queue for it; shell: of commands.")
@takes_json
def init_command(
    directory: str | None, option: str | None, request: str, agent: str, *, as_json: bool
) -> None:
    """Make a plan directory with a plan to edit.

    The default is .orchestrator in the current directory. An existing plan is never touched; results and task files
    of one that is gone move to archive/.

    \b
      orchestrator init --agent shell     a queue of commands, for `add`
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    require_one(directory, option)
    # Here and not in a directory above: a new plan belongs where one stands.
    layout = plan_directory(directory, option, must_exist=False, here=True)
    if agent and agent not in (known := Known(known_agents(layout), layout.workdir(""))):
        listed = ", ".join(known)
        raise UsageError(f"--agent: there is no agent {agent!r}", hint=f"known are {listed}")
    archived = init(layout, request, agent)
    if as_json:
        say_json(f"made {layout.plan}", plan=layout.plan, archived=archived)
        return
    write(f"{layout.plan}\n")
    if archived:
        talk(f"What an earlier plan left is in {archived}")
    first = 'Add tasks with `add "…"`' if agent else "Edit the table of tasks"
    talk(as_called(f"{first}, then: orchestrator run"))


@click.command("validate")
@takes_directory
@takes_json
def validate_command(directory: str | None, option: str | None, *, as_json: bool) -> None:
    """Say what is wrong with a plan, if anything.

    Names file and line of every problem in the plan and its task files, and changes nothing.

    \b
      orchestrator validate
      orchestrator validate .orchestrator/ --json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.wiring import plugins

    layout = plan_directory(directory, option)
    chosen = plugins(layout=layout)
    ahead = validate(layout, chosen.registry)
    board, warnings = ahead.board, list(map(as_called, remarks(ahead, chosen.agents)))
    tasks, batches = len(board.plan.tasks), max(board.shape.batch.values(), default=0)
    path = critical_path(board.plan.tasks)
    message = f"valid: {pluralize(tasks, 'task')} in {pluralize(batches, 'batch', 'batches')}"
    if umbrellas := sum(bool(task.children) for task in board.plan.tasks.values()):
        message += f", {pluralize(umbrellas, 'umbrella')} among them"
    if as_json:
        say_json(message, tasks=tasks, batches=batches, critical_path=path, warnings=warnings)
        return
    write(f"{message}\n")
    if path:
        write(f"longest chain: {diagram.chain_line(path)}\n")
    for warning in warnings:
        talk(f"warning: {warning}")


@click.command("graph")
@takes_directory
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "graphviz", "dot"]),
    default="text",
    show_default=True,
    help="What to draw; dot is graphviz.",
)
@takes_json
def graph_command(directory: str | None, option: str | None, form: str, *, as_json: bool) -> None:
    """Draw the graph of tasks.

    \b
      orchestrator graph
      orchestrator graph --format mermaid > graph.mmd
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    board = status(plan_directory(directory, option)).board
    drawn = diagram.text(board, terminal_width()) if form == "text" else _PICTURES[form](board)
    if as_json:
        edges = [[need, task.id] for task in board.plan.tasks.values() for need in task.needs]
        path = critical_path(board.plan.tasks)
        message = pluralize(len(board.plan.tasks), "task")
        say_json(message, format=form, graph=drawn, edges=edges, critical_path=path)
    else:
        write(drawn)


@click.command("critical-path")
@takes_directory
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "mermaid", "graphviz", "dot"]),
    default="text",
    show_default=True,
    help="A list, or the whole graph with the path in it; dot is graphviz.",
)
@takes_json
def critical_path_command(
    directory: str | None, option: str | None, form: str, *, as_json: bool
) -> None:
    """Show the chain of tasks that takes longest: no number of agents makes the plan quicker than that.

    It is measured in the time people estimated (`--estimated-hours`, `Est. Time`), else in tasks. A task that nobody
    estimated, marked with ~, counts as the average of the others.

    \b
      orchestrator critical-path
      orchestrator critical-path --format graphviz | dot -Tsvg > plan.svg
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    board = really_done(status(layout).board)
    path = critical_path(board.plan.tasks, given_up(board))
    found = path_estimate(board, path)
    drawn = _PICTURES[form](board, path) if form in _PICTURES else ""
    picture: dict[str, Any] = {"format": form, "graph": drawn} if drawn else {}
    if as_json or form == "json":
        say_json(
            f"critical path: {found}",
            critical_path=path,
            steps=[_step(board, task_id) for task_id in path],
            tasks=found.tasks,
            done=found.done,
            hours=hours(found.seconds) if found.is_timed else None,
            hours_left=hours(found.left) if found.is_timed else None,
            **picture,
        )
    elif drawn:
        write(drawn)
    else:
        write(diagram.chain(board, path, terminal_width()))
        if path:
            write(f"\ncritical path: {found}\n")


def _step(board: PlanSnapshot, task_id: str) -> dict[str, object]:
    task = board.plan.tasks[task_id]
    return {
        "id": task_id,
        "name": task.name,
        "status": board.status(task_id).value,
        "estimated_hours": hours(task.estimate) if task.estimate else None,
    }

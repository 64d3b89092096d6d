"""The command ``workflow``: workflow files, in the words of the guide that their format is from.

All of it is done by other commands: ``run``, ``watch``, ``plan`` and ``template``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.commands import optimize, plan, run, template, watch
from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, JSON, Command, Facts, Group, WholeNumber, argument, flag, option
from orchestrator.commands.reply import talk
from orchestrator.core.duration import MAX_SECONDS, parse_duration
from orchestrator.core.params import as_text, places, read_given
from orchestrator.core.text import one_line
from orchestrator.errors import NotFoundError, OrchestratorError, UsageError
from orchestrator.planner.draft_file import SOURCE
from orchestrator.planner.outlines.workflow import FORM
from orchestrator.planner.plan import draw
from orchestrator.planner.revise import from_file
from orchestrator.planner.templates import SavedPlan, save_plan
from orchestrator.runner.run import RunReport
from orchestrator.services.agent_choice import Known
from orchestrator.store.archive import put_plan
from orchestrator.store.layout import Layout
from orchestrator.store.plan_directory import make_plan_directory
from orchestrator.store.workspace import Workspace

# ── execute ──────────────────────────────────────────────────────────────────────────────────────────────────────


def milliseconds(word: str) -> float:
    """Read a time in milliseconds, or with a unit of its own; return seconds."""
    if not word.isdecimal():
        return parse_duration(word)
    seconds = int(word) / 1000
    if not 1 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{word} ms is less than a second or more than a year; with a unit: 30m, 2h")
    return seconds


@dataclass(frozen=True)
class ExecuteParams:
    """The file, and how it is run."""

    file: str = argument("FILE")
    parameters: str = option("""Values for {{name}}: '{"topic": "AI"}'.""", metavar="JSON", default="")
    timeout: float | None = option("Time for the whole run.", metavar="MS", read=milliseconds)
    parallel_streams: int | None = option(
        "Agents at the same time, and so streams.",
        metavar="N",
        read=WholeNumber(1, 1000),
        names=("--parallel-streams", "--max-parallel"),
    )
    monitor: bool = flag("Print what happens, as `run` does anyway.")
    progress_reports: bool = flag("The same.")
    notifications: bool = flag("Tell those whom the plan names, as `run` does anyway; warn if it names nobody.")
    simulate: bool = flag("Run nothing: every task answers with a made-up block.")
    claude_bin: str = option("The claude program (default: PATH).", metavar="PATH", default="")


def execute(call: Call, params: ExecuteParams) -> RunReport:
    """Plan a workflow file and run it: the same as `run FILE`.

    FILE may also be a plan directory. Times without a unit are milliseconds here.

    Examples:
      orchestrator workflow execute product_launch.json
      orchestrator workflow execute research.json --parameters '{"topic": "AI trends"}' --timeout 7200000
    """
    return run.execute(*_as_run(call, params))


def _main(call: Call, params: ExecuteParams) -> int:
    asked, options = _as_run(call, params)
    layout = run.plan_of(asked, options)
    if params.notifications and not Workspace(layout).load_plan()[0].settings.get("notify"):
        talk("warning: --notifications: the plan names nobody to tell")
        talk("  hint: name an address in completion.notifications of the file, or in `notify:` of the plan")
    return run.main(replace(asked, directory=layout.root, option=None), options)


def _as_run(call: Call, params: ExecuteParams) -> tuple[Call, run.RunParams]:
    if not os.path.exists(params.file):
        raise NotFoundError(f"no such file: {params.file}", hint="workflow execute takes a workflow file or a plan")
    if os.path.isfile(params.file) and not params.file.endswith(run.WORKFLOWS):
        listed = ", ".join(run.WORKFLOWS)
        hint = f"the name of a workflow file ends in one of {listed}; `orchestrator plan --from` reads other forms"
        raise UsageError("this is no workflow file", where=params.file, hint=hint)
    settings: dict[str, Any] = {}
    if params.timeout is not None:
        settings["run_timeout"] = params.timeout
    if params.parallel_streams is not None:
        settings["max_parallel"] = params.parallel_streams
    options = run.RunParams(
        settings=settings, parameters=params.parameters, simulate=params.simulate, claude_bin=params.claude_bin
    )
    return replace(call, directory=params.file), options


# ── template apply ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ApplyParams:
    """The template, its values, and where the plan is made."""

    name: str = argument("NAME", completion="template")
    parameters: str = option("""Its parameters: '{"topic": "AI"}'.""", metavar="JSON", default="")
    output: str = option("The plan directory to make (default: the usual one).", metavar="DIR", default="")


def _apply(call: Call, params: ApplyParams) -> plan.Planned:
    """Make a plan from a template: the same as `plan --template NAME`.

    DIR is a directory, whatever its name ends in; `workflow execute DIR` runs it.
    """
    given = read_given((), params.parameters)
    pairs = [
        f"{name}={as_text(each)}"
        for name, value in given.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    place = replace(call, option=params.output) if params.output else call
    return plan.execute(place, plan.PlanParams(template=params.name, parameters=pairs))


# ── template create ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TemplateCreateParams:
    """What it is called, and what it is made of."""

    name: str = argument("NAME")
    source: str = option("The workflow file.", metavar="FILE", names=("--from",), default="")
    parameters: str = option("The {{name}} in it that are filled in each time.", metavar="A,B", default="")
    force: bool = flag("Replace the one of that name.")


def _create(call: Call, params: TemplateCreateParams) -> SavedPlan:
    """Make a template of a workflow file.

    What is filled in each time stands as {{name}} in the file. Prints where the template is.
    """
    if not params.source:
        raise UsageError("--from FILE is missing", hint="orchestrator workflow template create NAME --from FILE")
    layout = plan.layout_for_new(call)
    registry = call.agents(layout)
    proposal = from_file(params.source, Known(registry, layout.workdir("")), form=FORM, shells=registry.shells)
    with tempfile.TemporaryDirectory() as elsewhere:
        place = Layout(os.path.join(elsewhere, "plan"))
        settings = {name: value for name, value in proposal.settings.items() if name != SOURCE}
        text = draw(proposal.draft, place).text
        found = places([text, *draw(proposal.draft, place).task_files.values()])
        _check_names(params, found)
        declared = {name: each for name, each in settings.pop("params", {}).items() if name not in found}
        drawn = draw(proposal.draft, place, {**settings, **({"params": declared} if declared else {})})
        make_plan_directory(place)
        put_plan(place, drawn.text, drawn.task_files)
        try:
            return save_plan(place, params.name, os.environ, here=False, force=params.force)
        except OrchestratorError as error:
            if elsewhere in error.where or error.where.startswith(os.path.relpath(elsewhere)):
                error.where = params.source
            raise


def _check_names(params: TemplateCreateParams, found: Sequence[str]) -> None:
    named = [each.strip() for each in params.parameters.split(",") if each.strip()]
    for name in named:
        if name not in found:
            listed = f"it says {', '.join(found)}" if found else "it has no placeholders"
            message = (
                f"the file does not say {{{{{one_line(name, 60)}}}}}, so {one_line(name, 60)} would change nothing"
            )
            raise UsageError(message, where=params.source, hint=f"write it where it belongs; {listed}")
    if named and (left := [name for name in found if name not in named]):
        message = f"the file says {{{{{left[0]}}}}}, which --parameters does not name"
        raise UsageError(message, where=params.source, hint=f"--parameters {','.join([*named, *left])}")


def _created_facts(saved: SavedPlan) -> Facts:
    facts: Mapping[str, Any] = {"name": saved.name, "parameters": saved.parameters, "from": saved.where}
    return {"message": f"saved {saved.name}", **facts}


def _next(saved: SavedPlan) -> list[str]:
    values = json.dumps(dict.fromkeys(saved.parameters, "…"), ensure_ascii=False)
    more = f" --parameters '{values}'" if saved.parameters else ""
    return [f"next: orchestrator workflow template apply {saved.name}{more} --output DIR"]


COMMAND = Group(
    """Run workflow files: JSON or YAML with tasks, phases and streams.

    These are other words for `run FILE`, `watch`, `optimize` and `template`. docs/workflows.md describes the format.

    Examples:
      orchestrator workflow execute product_launch.json
      orchestrator workflow monitor
      orchestrator workflow template create review --from review.json --parameters topic
    """,
    {
        "execute": Command(ExecuteParams, execute, main=_main, takes=(DIR, JSON)),
        "monitor": watch.COMMAND,
        "optimize": optimize.COMMAND,
    },
    groups={
        "template": Group(
            """See templates, make a plan of one, and make one of a workflow file.""",
            {
                "list": template.LIST_COMMAND,
                "apply": Command(ApplyParams, _apply, plan.facts, plan.text, remarks=plan.remarks, takes=(JSON,)),
                "create": Command(
                    TemplateCreateParams,
                    _create,
                    _created_facts,
                    lambda saved: f"{saved.where}\n",
                    remarks=_next,
                    takes=(JSON,),
                ),
            },
        )
    },
)

"""The command ``schedule``: runs that cron or systemd start; ``add``, ``list`` and ``remove``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands import run
from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, Group, argument, flag, option
from orchestrator.commands.reply import talk
from orchestrator.core.duration import parse_duration
from orchestrator.core.text import one_line, pluralize
from orchestrator.cron.entry import Scheduled, When
from orchestrator.errors import NotFoundError, OrchestratorError, ScheduleError, UsageError
from orchestrator.runner.run import examine
from orchestrator.services import schedules
from orchestrator.store.layout import Layout, schedules_lock
from orchestrator.wiring import caller, plugins, schedulers

#: Parameters of ``run`` that a schedule decides.
_NOT_THESE = {"detach": "--detach", "dry_run": "--dry-run", "at": "--at", "every": "--every"}

# ── add ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ScheduleAddParams:
    """When, and by what."""

    at: str = option("Every day at this time.", metavar="HH:MM", default="")
    every: str = option("Again and again: 30m, 1h, 1d.", metavar="D", default="")
    cron: str = option("As cron writes it: '*/30 * * * *'.", metavar="FIELDS", default="")
    schedule: str = option("What it is called (default: the project).", metavar="NAME", names=("--name",), default="")
    systemd: bool = flag("A timer of systemd, not a line of the crontab.")


class _Added(NamedTuple):
    entry: Scheduled
    log: str
    is_json: bool


def _add(call: Call, params: ScheduleAddParams) -> _Added:
    """Add a run of the plan in DIR; flags of `run` stand behind `--`.

    What it prints goes to logs/schedule-NAME.out of the plan directory. It gets the PATH of this shell, and no other
    variable of it: see docs/scheduling.md.
    """
    layout = call.plan()
    _check_flags(call, layout)
    known = schedulers()
    name = "systemd" if params.systemd else "crontab"
    chosen = known.get(name)
    if chosen is None:
        raise UsageError(
            f"{'systemctl' if params.systemd else 'crontab'} is not installed here",
            hint="try " + " or ".join(_others(known, name)),
        )
    with schedules.in_turn(schedules_lock(os.environ)):
        job = schedules.add(
            layout,
            _when(params),
            call.rest,
            scheduler=chosen,
            others=list(known.values()),
            caller=caller(),
            name=params.schedule,
        )
        found = next(each for each in chosen.entries() if each.name == job.name)
    return _Added(found, job.log, call.is_json)


def _when(params: ScheduleAddParams) -> When:
    if len([each for each in (params.at, params.every, params.cron) if each]) != 1:
        raise UsageError("say when: exactly one of --at, --every and --cron")
    try:
        every = parse_duration(params.every) if params.every else 0.0
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None
    if params.every and every < 1:
        raise UsageError("--every: less than a second")
    return When(at=params.at, every=every, cron=params.cron)


def _check_flags(call: Call, layout: Layout) -> None:
    """Read the flags as ``run`` will, so that what is wrong is said now, and not at night."""
    assert call.parse is not None  # the command line has it
    its, params = call.parse("run", [layout.root, *call.rest])
    assert isinstance(params, run.RunParams)
    wrong = ["--dir"] * bool(its.option)
    wrong += [each for name, each in _NOT_THESE.items() if getattr(params, name)]
    if wrong:
        raise UsageError(f"{wrong[0]} makes no sense in a schedule")
    request = run.run_request(layout, params)
    try:
        examine(request, plugins(params.claude_bin, layout))
    except (UsageError, NotFoundError):
        raise
    except OrchestratorError as error:
        # What is wrong with the plan or the machine may be mended until then.
        talk(f"warning: as things are, that run would not begin: {error}")


def _others(known: Mapping[str, Any], name: str) -> list[str]:
    ways = {"systemd": "--systemd", "crontab": "it without --systemd"}
    return [*(ways[by] for by in known if by != name), "orchestrator run --every"]


def _added_facts(added: _Added) -> Facts:
    entry = added.entry
    return {"message": f"{entry.name} was added", **_fields(entry), "log": added.log}


def _added_remarks(added: _Added) -> Iterator[str]:
    if not added.is_json:
        entry = added.entry
        yield f"{entry.by}: {entry.when} · output: {os.path.relpath(added.log)}"


def _fields(found: Scheduled) -> Mapping[str, Any]:
    return {"name": found.name, "when": found.when, "by": found.by, "plan": found.plan}


# ── list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ScheduleListParams:
    """None."""


class _Entries(NamedTuple):
    entries: Sequence[Scheduled]
    refused: Sequence[ScheduleError]


def _list(call: Call, params: ScheduleListParams) -> _Entries:  # noqa: ARG001 - there are none
    """Name the runs that were added: name, when, by whom, plan directory."""
    return _Entries(*schedules.entries(list(schedulers().values())))


def _list_facts(found: _Entries) -> Facts:
    return {
        "message": pluralize(len(found.entries), "schedule"),
        "schedules": [_fields(each) for each in found.entries],
    }


def _list_text(found: _Entries) -> str:
    return "".join(f"{each.name}\t{each.when}\t{each.by}\t{one_line(each.plan, 500)}\n" for each in found.entries)


# ── remove ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RemoveParams:
    """Which one."""

    name: str = argument("NAME")


def _remove(call: Call, params: RemoveParams) -> Scheduled:  # noqa: ARG001 - it is for all plans
    """Remove a run that was added; one that is active goes on."""
    with schedules.in_turn(schedules_lock(os.environ)):
        return schedules.remove(params.name, list(schedulers().values()))


COMMAND = Group(
    """Have cron or systemd start runs at their time.

    Examples:
      orchestrator schedule add --at 07:30
      orchestrator schedule add --every 1h --name hourly -- --fresh --max-parallel 2
      orchestrator schedule add --cron "*/30 9-17 * * mon-fri" path/to/.orchestrator
      orchestrator schedule list
      orchestrator schedule remove hourly

    Without cron and systemd: run --at and run --every.
    """,
    {
        "add": Command(
            ScheduleAddParams,
            _add,
            _added_facts,
            lambda added: f"{added.entry.name}\n",
            remarks=_added_remarks,
            takes=(DIRECTORY, DIR, JSON),
            rest="FLAGS OF run",
        ),
        "list": Command(
            ScheduleListParams,
            _list,
            _list_facts,
            _list_text,
            remarks=lambda found: [f"warning: {error}" for error in found.refused],
            takes=(JSON,),
        ),
        "remove": Command(
            RemoveParams,
            _remove,
            lambda found: {"message": f"{found.name} was removed from {found.by}", **_fields(found)},
            takes=(JSON,),
        ),
    },
)

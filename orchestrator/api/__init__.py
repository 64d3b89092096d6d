"""The same use cases as the command line, for programs: ``from orchestrator import Orchestrator``.

A method does what the command of its name does, and returns as an object what that prints with ``--json``. Keywords are
called as the options are: ``--depends-on`` is ``depends_on``, and what stands once for each (``--tag``, ``--untag``,
``--criterion``, ``--add-dep``, ``--remove-dep``) is a plural that takes one or many; words may also stand in one text
with commas between them, as in the options. ``MSG`` is the ``answer`` of ``complete``, and a ``note`` elsewhere;
``--as`` is ``name`` and ``--for`` is ``until``, for those are words of Python.

Commands that are no methods, and what a program does instead:

- ``run --detach``, ``spawn``, ``schedule``, ``auto-dispatch`` start processes of their own: it starts the command.
- ``plan``, ``template``, ``wizard`` propose a plan to a user who looks at it first: it calls ``add``.
- ``graph``, ``critical-path``, ``watch``, ``dashboard`` draw what ``status`` and ``wait`` return; ``logs`` prints files
  that ``show`` names; ``completion`` is for a shell.
- ``dispatch`` and ``subtask`` say ``add``, ``start``, ``complete`` … in other words; ``agent`` adds up what ``status``
  and ``report`` return, or calls ``share``.
- ``check``, ``notify``: it calls ``check_all_tasks``.
- ``doctor``, ``cleanup``, ``rebuild-index`` keep machine and directory well, which is the business of a person.

What a command would call an error is raised: one tree, ``OrchestratorError`` (``orchestrator/errors.py``), with
``code``, ``hint`` and ``exit_status``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from orchestrator.api.directory import find_from_here
from orchestrator.api.looking import Looking
from orchestrator.api.planning import Planning
from orchestrator.api.running import Running
from orchestrator.api.working import Working
from orchestrator.commands.check import check
from orchestrator.errors import NotFoundError, OrchestratorError


class Orchestrator(Planning, Running, Looking, Working):
    """One plan directory.

    Any method may raise ``NotFoundError`` (no such plan or task), ``PlanError`` (the plan is invalid; ``problems``
    are all of them, each with file and line) and ``StoreError`` (state could not be read or written); each says what it
    raises besides. Nothing is half done then: state is as before or as after.
    """


def check_all_tasks(directory: str | None = None) -> dict[str, Any]:
    """Check every plan that is not over, for a program that beats: what a person should know, and a summary.

    It opens the index first and then only plans that are not over, and it never raises for what is wrong with a plan.
    Each call counts as a heartbeat.

    Args:
        directory: A plan directory or a directory of them; None: the one that a command would find from here.

    Returns:
        ``{"alerts": ["stuck TASK-001/subtask_02: …"], "summary": "2 active tasks …", "skipped": {…}}``.
    """
    try:
        layout = find_from_here(directory, must_exist=True)
        found = check(layout, time.time())
    except NotFoundError:
        return {"alerts": [], "summary": "", "skipped": {}}
    except OrchestratorError as error:
        return {"alerts": [str(error)], "summary": "", "skipped": {}}
    skipped: Mapping[str, str] = found.broken
    return {"alerts": [str(alert) for alert in found.alerts], "summary": found.summary(), "skipped": dict(skipped)}

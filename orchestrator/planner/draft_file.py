"""A plan in another form, or the JSON of a draft, read as a draft (``plan --from FILE``).

Also the files that ``plan`` is given: a request in a file, and files that a parameter's pattern matches.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from typing import Protocol

from orchestrator.errors import Problem
from orchestrator.plan.data_file import DataFile, locate, read_yaml
from orchestrator.plan.front_matter import read_front_matter
from orchestrator.plan.lines import Lines, unreadable
from orchestrator.planner.outlines import checklist, kiro, openspec, spec_kit, superpowers, taskmaster_json, workflow
from orchestrator.planner.outlines.document import Document, read_document
from orchestrator.planner.outlines.items import OutlineResult
from orchestrator.store.atomic import io_errors, read_file
from orchestrator.store.layout import Layout


class _OutlineFormat(Protocol):
    """A module that reads one form of plan."""

    FORM: str

    def recognises(self, document: Document) -> bool: ...
    def read(self, document: Document) -> OutlineResult: ...


#: The forms in markdown, the most peculiar first.
_READERS: tuple[_OutlineFormat, ...] = (spec_kit, superpowers, kiro, openspec, checklist)
_MARKDOWN = {reader.FORM: reader for reader in _READERS}
#: What ``--format`` takes.
AUTO = "auto"
FORMS = (AUTO, *sorted((*_MARKDOWN, taskmaster_json.FORM, workflow.FORM)))
_KNOWN = "a checklist, Spec Kit, Kiro, superpowers, OpenSpec, Task Master JSON and workflow files"
#: Key of the front matter under which a plan says of which workflow file it was made.
SOURCE = "made_of"
_YAML = (".yaml", ".yml")


def load_draft(path: str, form: str = AUTO) -> OutlineResult | None:
    """Read a file in one form of plan, or in the one that it is recognised as; None when there is no such file.

    Raises:
        StoreError: it cannot be read.
    """
    data = read_file(path)
    return None if data is None else parse_draft(data, path, form)


def read_request(path: str) -> str | None:
    """Return a request that a user put into a file; None when there is no such file.

    Raises:
        StoreError: it cannot be read.
        ValueError: it is no text.
    """
    data = read_file(path) if os.path.isfile(path) else None
    if data is None:
        return None
    if (problem := unreadable(data, path)) is not None:
        raise ValueError(str(problem))
    return data.decode().removeprefix("\ufeff")


def matching_files(pattern: str) -> list[str]:
    """Return the files that a pattern matches in the current directory, in order; ``**`` means any depth.

    Raises:
        StoreError: a directory cannot be read.
    """
    with io_errors("look for files", pattern):
        if os.path.isfile(pattern):
            return [pattern]
        return sorted(each for each in glob.glob(pattern, recursive=True) if os.path.isfile(each))


def fingerprint(data: bytes) -> str:
    """Return what tells a workflow file from any other version of it."""
    return hashlib.sha256(data).hexdigest()[:16]


def _of_workflow(found: DataFile, file: str, text: str) -> OutlineResult:
    """Return what a workflow proposes; its plan says which file it was made of."""
    if found.problem is not None:
        return OutlineResult(problems=(found.problem,))
    proposed = workflow.read(found, file)
    origin = {"file": file, "sha256": fingerprint(text.encode())}
    return proposed._replace(settings={**proposed.settings, SOURCE: origin})


def parse_draft(data: bytes, file: str, form: str = AUTO) -> OutlineResult:
    """Return what a file proposes: JSON when it is an object or has that in its name, else markdown."""
    if (problem := unreadable(data, file)) is not None:
        return OutlineResult(problems=(problem,))
    text = data.decode().removeprefix("\ufeff")
    is_json = file.endswith(".json") or text.lstrip().startswith("{")
    if form == taskmaster_json.FORM or (is_json and form in {AUTO, workflow.FORM}):
        return _parse_json(text, file, form)
    if form == workflow.FORM or (form == AUTO and file.endswith(_YAML)):
        return _parse_yaml(text, file, form)
    lines = Lines.of(data).bare()
    front = read_front_matter(lines, file)
    body = front.body if front.problem is None else 0
    document = read_document([*[""] * body, *lines[body:]], file)
    if form != AUTO:
        return _MARKDOWN[form].read(document)
    readers = (module for module in _MARKDOWN.values() if module.recognises(document))
    if (reader := next(readers, None)) is None:
        return OutlineResult(problems=(_unknown(document),))
    return reader.read(document)


def _unknown(document: Document) -> Problem:
    """Return why a document is refused."""
    return Problem(
        f"no form of plan that is known here ({_KNOWN})",
        f"{document.file}:1",
        f"have an agent plan it: `orchestrator plan {document.file}`; or name its form with --format",
        "unknown_format",
    )


def _parse_json(text: str, file: str, form: str) -> OutlineResult:
    hint = 'a workflow has {"tasks": [{"id": "…", "description": "…"}]}; docs/workflows.md describes it'
    if form != workflow.FORM:
        hint = 'a draft is {"tasks": [{"id": "T-01", "name": "…"}]}; docs/cli.md says what else may stand there'
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        where, message = f"{file}:{error.lineno}", f"no valid JSON: {error.msg}"
        return OutlineResult(problems=(Problem(message, where, hint, "bad_draft"),))
    except (ValueError, RecursionError):
        message = "no JSON that could be a draft"
        return OutlineResult(problems=(Problem(message, f"{file}:1", hint, "bad_draft"),))
    if form == workflow.FORM or (form == AUTO and workflow.recognises(data)):
        return _of_workflow(locate(data, text, file), file, text)
    if taskmaster_json.recognises(data) or form == taskmaster_json.FORM:
        return taskmaster_json.read(data, file)
    return OutlineResult(data, form="json")


def _parse_yaml(text: str, file: str, form: str) -> OutlineResult:
    found = read_yaml(text, file)
    if found.problem is not None or form == workflow.FORM or workflow.recognises(found.data):
        return _of_workflow(found, file, text)
    message, hint = "no workflow: it has neither phases nor a name with tasks", "docs/workflows.md describes the format"
    return OutlineResult(problems=(Problem(message, f"{file}:1", hint, "unknown_format"),))


def is_made_of(layout: Layout, path: str) -> bool:
    """Whether the plan of a directory was made of this version of a workflow file.

    Raises:
        StoreError: one of the two cannot be read.
    """
    plan, data = read_file(layout.plan), read_file(path)
    if plan is None or data is None:
        return False
    origin = read_front_matter(Lines.of(plan).bare(), layout.plan).data.get(SOURCE)
    text = data.decode(errors="replace").removeprefix("\ufeff")
    return isinstance(origin, dict) and origin.get("sha256") == fingerprint(text.encode())

"""From the engine's ``Launch`` to a job for the executor: its prompt, where its files lie, what it may."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType

from orchestrator.agents.protocol import Agent, Assignment, Input
from orchestrator.core.environment import environment
from orchestrator.core.message import Message
from orchestrator.core.params import (
    HINT_FOR_SHELL,
    as_text,
    filled_task,
    filled_where_known,
    not_for_a_shell,
    variables,
)
from orchestrator.core.placeholder import variables as item_variables
from orchestrator.core.plan import Task, in_words
from orchestrator.core.redact import redact
from orchestrator.core.result import SCRIPT, Outcome, Result, Verdict, closed
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import SIMULATED, inputs_of
from orchestrator.core.task_type import TaskType, as_texts, given_variables
from orchestrator.core.text import noted_left_out, one_line, sanitize, unfenced, without_escapes
from orchestrator.errors import LostResultError, NotAFileError, PlanError, Problem, StoreError
from orchestrator.executors.protocol import Job
from orchestrator.ownership import make_directories
from orchestrator.runner.attempt import OF_THE_DISK, LiveAttempt, reread
from orchestrator.scheduler.messages import Launch
from orchestrator.store.atomic import io_errors, open_file, read_file, read_piece, write_new
from orchestrator.store.attempt_record import AttemptRecord, read_record
from orchestrator.store.evidence import conflicts_in
from orchestrator.store.fingerprint import is_newer
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.messages import Contexts
from orchestrator.store.result_file import LARGEST_RESULT, safe_answer
from orchestrator.store.workspace import MOST, Answer, Workspace, answers_handed_on

# ── conversation ────────
#
# An answer as it was given, for anyone who works with it, from the log of its attempt.
#
# The result has it as it can be shown: headings below ours, no HTML, nothing left open, of a flood only head and tail.
# It is also where people correct it. So the log counts as long as the result says just what was made of it, and the
# result as soon as it says anything else.

#: Bytes of a log that is read once more; anyone who waits for an answer waits for that.
_LARGEST_LOG = 256 * 1024 * 1024
#: An answer that is not fenced is markdown, whatever its task says by now.
_AS_MARKDOWN = Settings(format="markdown")
_NOTHING = Outcome(Verdict.COMPLETED)


def raw_answer(
    layout: Layout, task: Task, number: int, agents: Mapping[str, Agent], written: str, *, is_prose: bool
) -> Answer:
    """Return the answer that attempt *number* gave, without tokens; where that *is_prose*, also fit to be printed.

    *written*, as it stands in the result, where its log says something else or is not there. Of a log with more than
    fits, its head.

    Raises:
        StoreError: record or log cannot be read now.
    """
    files = layout.attempt(task.stem, number)
    record = read_record(files.record) if written else None
    if record is None or not record.is_of(task.id, number, ""):
        return _as_it_stands(written)
    said = _raw_output(layout, task, agents, record, _AS_MARKDOWN)
    if not _is_made_of(said.answer, written):
        return _as_it_stands(written, record.exit.log_bytes or 0)
    if not said.is_cut:
        return Answer(_clean(said.answer, is_prose=is_prose), hidden=said.hidden)
    with io_errors("read", files.stdout):
        head = read_piece(files.stdout, 0, MOST) or b""
    left_out = (record.exit.log_bytes or 0) - len(head)
    return Answer(_clean(head.decode(errors="replace"), is_prose=is_prose), max(0, left_out), files.stdout)


def _as_it_stands(written: str, size: int = 0) -> Answer:
    inside = unfenced(written)
    shown = written if inside is None else inside
    hidden = noted_left_out(shown)
    # More than its log has is what one before it lacked, whose answer is a part of this one.
    return Answer(shown, hidden=0 if size and hidden > size else hidden)


def was_corrected(
    workspace: Workspace, task: Task, number: int, agents: Mapping[str, Agent], settings: Settings, *, since: float
) -> bool:
    """Say whether a person changed the answer of attempt *number* after a moment, in seconds since the epoch.

    Copies are newer, too, and were not changed: of those the log has it. Without a log it is unknown.

    Raises:
        StoreError: result, record or log cannot be read now.
    """
    layout = workspace.layout
    if not is_newer(layout.result_file(task.stem), since):
        return False
    record = read_record(layout.attempt(task.stem, number).record)
    if record is None or not record.is_of(task.id, number, ""):
        return False
    said = _raw_output(layout, task, agents, record, settings)
    written = workspace.read_written_answer(task.stem)
    return bool(said.answer) and not _is_made_of(said.answer, written)


def _is_made_of(answer: str, written: str) -> bool:
    """Say whether a result says just what was made of an answer."""
    # What is fenced needs no markdown to be made again, which takes long to load.
    as_made = (safe_answer(answer, is_markdown=each).strip("\n") for each in (False, True))
    return written in as_made


def _clean(text: str, *, is_prose: bool) -> str:
    return redact(sanitize(text) if is_prose else without_escapes(text)).rstrip("\n")


def _raw_output(
    layout: Layout, task: Task, agents: Mapping[str, Agent], record: AttemptRecord, settings: Settings
) -> Outcome:
    """Return what the log of an attempt says; no answer where it says none."""
    if not record.run:  # by hand: all of it
        try:
            log = read_file(layout.attempt(task.stem, record.number).stdout, LARGEST_RESULT)
        except NotAFileError:
            return _NOTHING
        return _NOTHING._replace(answer=(log or b"").decode(errors="replace"))
    agent = agents.get(record.agent)
    if agent is None or (record.exit.log_bytes or 0) > _LARGEST_LOG:
        return _NOTHING
    return reread(layout, task, agent, settings, record).judge(record.exit)


class Launcher:
    """Turns the engine's ``Launch`` into a job for the executor."""

    def __init__(
        self,
        workspace: Workspace,
        tasks: Mapping[str, Task],
        policies: Mapping[str, Settings],
        agents: Mapping[str, Agent],
        *,
        run: str,
        workdir: str,
        meant: Mapping[str, Settings] = MappingProxyType({}),
        program: str = "",
        types: Mapping[str, TaskType] = MappingProxyType({}),
        params: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Take what is the same for every attempt of a run.

        *program* is how an agent calls us, empty: not at all. *meant*: as in ``RunPreview``, of a run that simulates;
        *params* likewise. *types*: as in ``AgentRegistry``.
        """
        self._types = types
        self._workspace = workspace
        self._program = program
        self._params = {name: as_text(value) for name, value in params.items()}
        self._params_in_brief = {name: one_line(value) for name, value in self._params.items()}
        self._contexts = Contexts(workspace.layout)
        self._meant: Mapping[str, Settings] = {}
        self.replan(tasks, policies, meant)
        self._agents = agents
        self.run = run
        self._workdir = workdir
        # Many that wait for the same task are launched one after the other, and a log may be long.
        self._as_answered = lru_cache(maxsize=2)(self._read_again)

    def replan(
        self, tasks: Mapping[str, Task], policies: Mapping[str, Settings], meant: Mapping[str, Settings]
    ) -> None:
        """Go on with a plan that was changed."""
        self._tasks, self._policies, self._meant = tasks, policies, {**self._meant, **meant}
        self._ids = {each.stem: each.id for each in tasks.values()}

    def attempt(self, task: Task, launch: Launch, results: Mapping[str, Result], started: float) -> LiveAttempt:
        """Return the attempt that the engine wants launched; nothing is written yet."""
        settings = self._policies[task.id]
        before = results.get(task.id)
        agent = self._agents[settings.agent]
        inputs = inputs_of(task, self._tasks, results)
        session = interrupted = ""
        if agent.account:
            session, interrupted = self._session(task, before, settings.agent, inputs)
        return LiveAttempt(
            task=task,
            number=launch.attempt,
            charge=launch.charge,
            run=self.run,
            agent=settings.agent,
            files=self._workspace.layout.attempt(task.stem, launch.attempt),
            started=started,
            inputs=inputs,
            earlier=closed(before.attempts) if before else (),
            make_reader=partial(agent.reader, settings),
            is_paid=bool(agent.account),
            session=session,
            interrupted=interrupted,
            is_last=launch.charge > settings.retries,
            cap=launch.cap,
            is_only_simulated=self._is_only_simulated(task.id, settings),
            writes=settings.writes,
            params=self._params_in_brief,
        )

    def _is_only_simulated(self, task_id: str, settings: Settings) -> bool | None:
        if settings.agent != SIMULATED:
            return None
        return self._meant.get(task_id, settings).agent != SIMULATED

    def _session(self, task: Task, before: Result | None, agent: str, inputs: Mapping[str, int]) -> tuple[str, str]:
        """Return the session to work in, and why its last attempt was cut short; a new one when nothing goes on."""
        last = closed(before.attempts)[-1] if before is not None and before.attempts else None
        if before is None or last is None or not (last.is_resumable and last.session):
            return _new_session(), ""
        is_same = before.agent == agent and before.inputs == inputs
        if not is_same:
            return (_new_session(), "")  # what it was made from is no longer what it should be made from
        return last.session, last.reason or "interrupted"

    def job(self, live: LiveAttempt, warn: Callable[[str], None]) -> Job:
        """Read the task file as it stands right now, ask the agent what to run, lay out its files.

        *warn* is called with what people should know of what an agent could not be given.

        Raises:
            PlanError: the task file is invalid; it, or an answer that the task is made from, cannot be read.
            AgentError: the agent cannot do this task.
            StoreError: a file could not be written, or the machine is short of something.
        """
        agent = self._agents[live.agent]
        try:
            live.files_given = self._input_hashes(live.task)
            self._make_output_directory(live)
            assignment = self._assignment(live, warn)
        except StoreError as error:
            if _concerns_all(error):
                raise
            shown = display_path(error.where)
            raise PlanError([Problem(error.message, shown, error.hint)]) from error
        command = agent.invocation(assignment)
        given = environment(self._policies[live.task.id], command.env, command.login)
        files = live.files
        if command.script:
            write_new(files.script, command.script.encode())
        if command.stdin:
            write_new(files.stdin, command.stdin.encode())
        if live.is_paid:
            # Whatever becomes of us: it stands there that this may have cost something.
            self._workspace.write_running(live.task.stem, live.running_text())
        return Job(
            key=live.key,
            argv=tuple(word.replace(SCRIPT, files.script) for word in command.argv),
            env={**given.env, **self._own_environment(live)},
            keep=given.keep,
            unset=given.unset,
            cwd=self._workdir,
            stdin=files.stdin if command.stdin else "",
            stdout=files.stdout,
            stderr=files.stderr,
            record=files.record,
            output=command.output,
            facts=_record(live).facts(),
        )

    def _own_environment(self, live: LiveAttempt) -> Mapping[str, str]:
        return {
            "ORCHESTRATOR_RUN_ID": live.run,
            "ORCHESTRATOR_TASK_ID": live.task.id,
            "ORCHESTRATOR_ATTEMPT": str(live.number),
            "ORCHESTRATOR_DIR": self._workspace.layout.root,
            "TM_AGENT_ID": live.task.worker,
            **variables(self._params),
            **given_variables(self._policies[live.task.id]),  # what a task says is nearer than what the plan takes
            **(item_variables(json.loads(live.task.item)) if live.task.item else {}),
        }

    def _input_hashes(self, task: Task) -> dict[str, str]:
        """Return the SHA-256 of each input file.

        Raises:
            StoreError: one is not there, or cannot be read.
        """
        return {
            os.path.relpath(path, self._workspace.layout.root): _sha256(path)
            for path in self._policies[task.id].input_files
        }

    def _make_output_directory(self, live: LiveAttempt) -> None:
        directory = self._policies[live.task.id].output_dir
        if directory and live.agent != SIMULATED:  # which leaves nothing behind
            with io_errors("make", directory):
                make_directories(directory)

    def _assignment(self, live: LiveAttempt, warn: Callable[[str], None]) -> Assignment:
        task = live.task
        found = self._workspace.assignments.read(task)
        is_prose = self._agents[live.agent].reads_prose
        settings = self._policies[task.id]
        kind = self._types.get(task.type.casefold())
        inputs = self._inputs(live, warn, is_prose=is_prose)
        values = {**self._params, **as_texts(settings.task_params)}
        row = filled_task(task, values)
        # A file of settings only adds to the row, and takes nothing away.
        body = found.body if found and found.body.strip() else in_words(task, is_prose=is_prose)
        code = found.code if found else ""
        is_command = not is_prose and live.agent != SIMULATED
        if values and is_command and (wrong := not_for_a_shell(code or body, values)):
            raise PlanError([Problem(wrong, task.where, HINT_FOR_SHELL)])
        return Assignment(
            task=row,
            settings=self._with_output(settings),
            program=self._program,
            name=task.worker,
            messages=self._messages(task, warn) if is_prose else (),
            body=filled_where_known(body, values),
            code=filled_where_known(code, values),
            type_text=filled_where_known(kind.text, values) if kind else "",
            language=found.language if found else "",
            inputs=inputs,
            session=live.session,
            interrupted=live.interrupted,
            is_changed=bool(live.interrupted and live.earlier)
            and self._workspace.assignments.is_newer(task, live.earlier[-1].started),
            cap=live.cap,
        )

    def _with_output(self, settings: Settings) -> Settings:
        """Return the settings with which an agent may also write into an output directory that lies elsewhere."""
        directory = settings.output_dir
        if not directory or os.path.commonpath([directory, self._workdir]) == self._workdir:
            return settings
        return settings._replace(add_dirs=(*settings.add_dirs, directory))

    def _inputs(self, live: LiveAttempt, warn: Callable[[str], None], *, is_prose: bool) -> tuple[Input, ...]:
        """Return the answers that the task is made from.

        Raises:
            LostResultError: one of them is gone. PlanError: one is half of a merge of git.
        """
        needs = [self._tasks[need] for need in live.inputs]
        if lost := {need.id: why for need in needs if (why := self._workspace.why_lost(need))}:
            # Doing it again would take the place of both versions; who can tell them apart is to keep one.
            layout, theirs = self._workspace.layout, [need for need in needs if need.id in lost]
            if halves := conflicts_in(theirs, layout):
                raise PlanError(halves)
            hint = "the next run does that again first"
            raise LostResultError("; ".join(lost.values()), hint=hint, tasks=[*lost])
        inputs = []
        for need, answer in answers_handed_on(
            self._workspace,
            needs,
            lambda need: self._log_of(live, need),
            lambda need, written: self._as_answered(need.id, live.inputs[need.id], written, is_prose=is_prose),
            is_prose=is_prose,
        ):
            path = self._shown(answer.log or self._workspace.layout.result_file(need.stem))
            inputs.append(Input(need.id, need.name, path, answer.text, answer.left_out))
            if not is_prose and (answer.left_out or answer.hidden):
                warn(self._lacking(live, need, answer, path))
        return tuple(inputs)

    def _read_again(self, need: str, number: int, written: str, *, is_prose: bool) -> Answer:
        task, layout = self._tasks[need], self._workspace.layout
        return raw_answer(layout, task, number, self._agents, written, is_prose=is_prose)

    def _log_of(self, live: LiveAttempt, need: Task) -> str:
        return self._workspace.layout.attempt(need.stem, live.inputs[need.id]).stdout

    def _lacking(self, live: LiveAttempt, need: Task, answer: Answer, path: str) -> str:
        """Say that a program gets less than all: an agent reads so in its prompt, a program counts what it gets."""
        lacks = f"lacks {answer.left_out + answer.hidden:,} bytes on its standard input"
        where = f"all of it is in {path}"
        if answer.hidden:
            log = self._log_of(live, need)
            where = f"all of it is in {self._shown(log)}; a correction counts only within what the result shows"
            if not os.path.lexists(log):
                where = f"its log {self._shown(log)} is gone"
        return f"{live.task.id}: what {need.id} answered {lacks}: {where}"

    def _messages(self, task: Task, warn: Callable[[str], None]) -> Sequence[Message]:
        """Return what was said about a task and what it depends on, and what everybody should know."""
        if not self._program:
            return ()
        heard = self._contexts.visible_to(self._ids, {task.id, task.parent, *task.needs})
        if missed := self._contexts.take_missed():
            warn(missed)
        return heard

    def _shown(self, path: str) -> str:
        return path.removeprefix(self._workdir.rstrip("/") + "/")


def _sha256(path: str) -> str:
    with io_errors("read", path):
        descriptor, _ = open_file(path)
        with open(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _record(live: LiveAttempt) -> AttemptRecord:
    return AttemptRecord(
        task=live.task.id,
        number=live.number,
        charge=live.charge,
        run=live.run,
        agent=live.agent,
        inputs=live.inputs,
        cap=live.known_cap,
        resumes=live.session if live.interrupted else "",
        is_only_simulated=live.is_only_simulated,
        files=live.files_given,
        params=live.params,
    )


def _concerns_all(error: StoreError) -> bool:
    """Say whether the disk or the machine is in trouble, and not only one file."""
    if isinstance(error, NotAFileError):
        return False
    cause = error.__cause__
    return not isinstance(cause, OSError) or cause.errno in OF_THE_DISK


def _new_session() -> str:
    return str(uuid.uuid4())

"""From the engine's ``Launch`` to a job for the executor: what an attempt is told, where its files lie, what it may."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType

from orchestrator.agents.protocol import Agent, Assignment, Input
from orchestrator.core.snapshot import SIMULATED
from orchestrator.core.settings import environment
from orchestrator.core.plan import sources
from orchestrator.core.result import SCRIPT
from orchestrator.core.message import Message
from orchestrator.core.plan import Task, in_words
from orchestrator.core.result import Result, closed
from orchestrator.core.settings import Settings
from orchestrator.errors import LostResultError, PlanError, Problem, StoreError, NotAFileError
from orchestrator.executors.protocol import Job
from orchestrator.runner.attempt import OF_THE_DISK, LiveAttempt
from orchestrator.runner.launch import raw_answer
from orchestrator.scheduler.messages import Launch
from orchestrator.store.workspace import Answer, answers_handed_on
from orchestrator.store.atomic import write_new
from orchestrator.store.attempt_record import AttemptRecord
from orchestrator.store.messages import Contexts
from orchestrator.store.evidence import conflicts_in
from orchestrator.store.layout import display_path
from orchestrator.store.workspace import Workspace


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
    ) -> None:
        """Take what is the same for every attempt of a run.

        *program* is how an agent calls us, empty: not at all. *meant*: as in ``RunPreview``, of a run that simulates.
        """
        self._workspace = workspace
        self._program = program
        self._contexts = Contexts(workspace.layout)
        self._meant: Mapping[str, Settings] = {}
        self.replan(tasks, policies, meant)
        self.warn: Callable[[str], None] = lambda _: None
        """Hears what people should know of what an agent could not be told."""
        self._agents = agents
        self.run = run
        self._workdir = workdir
        # Many that wait for the same task are launched one after the other, and a log may be long.
        self._as_answered = lru_cache(maxsize=2)(self._read_again)

    def replan(
        self,
        tasks: Mapping[str, Task],
        policies: Mapping[str, Settings],
        meant: Mapping[str, Settings],
    ) -> None:
        """Go on with a plan that was changed."""
        self._tasks, self._policies, self._meant = tasks, policies, {**self._meant, **meant}
        self._ids = {each.stem: each.id for each in tasks.values()}

    def attempt(
        self,
        task: Task,
        launch: Launch,
        results: Mapping[str, Result],
        started: float,
    ) -> LiveAttempt:
        """Return the attempt that the engine wants launched; nothing is written yet."""
        settings = self._policies[task.id]
        before = results.get(task.id)
        agent = self._agents[settings.agent]
        inputs = {need: results[need].number for need in sources(task, self._tasks)}
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
        )

    def _is_only_simulated(self, task_id: str, settings: Settings) -> bool | None:
        if settings.agent != SIMULATED:
            return None
        return self._meant.get(task_id, settings).agent != SIMULATED

    def _session(
        self, task: Task, before: Result | None, agent: str, inputs: Mapping[str, int]
    ) -> tuple[str, str]:
        """Return the session to work in, and why its last attempt was cut short; a new one when nothing goes on."""
        last = closed(before.attempts)[-1] if before is not None and before.attempts else None
        if before is None or last is None or not (last.is_resumable and last.session):
            return _new_session(), ""
        is_same = before.agent == agent and before.inputs == inputs
        if not is_same:
            return (
                _new_session(),
                "",
            )  # what it was made from is no longer what it should be made from
        return last.session, last.reason or "interrupted"

    def job(self, live: LiveAttempt) -> Job:
        """Read the task file as it is right now, ask the agent what to run, lay out its files.

        Raises:
            PlanError: the task file makes no sense; it, or an answer that the task is made from, cannot be read.
            AgentError: the agent cannot do this task.
            StoreError: a file could not be written, or the machine is short of something.
        """
        agent = self._agents[live.agent]
        try:
            assignment = self._assignment(live)
        except StoreError as error:
            if _concerns_all(error):
                raise
            shown = display_path(error.where)
            raise PlanError([Problem(error.message, shown, error.hint)]) from error
        wanted = agent.invocation(assignment)
        given = environment(self._policies[live.task.id], wanted.env, wanted.login)
        files = live.files
        script = files.script
        if wanted.script:
            write_new(script, wanted.script.encode())
        if wanted.stdin:
            write_new(files.stdin, wanted.stdin.encode())
        if live.is_paid:
            # Whatever becomes of us: it stands there that this may have cost something.
            self._workspace.write_running(live.task.stem, live.running_text())
        facts = AttemptRecord(
            task=live.task.id,
            number=live.number,
            charge=live.charge,
            run=live.run,
            agent=live.agent,
            inputs=live.inputs,
            cap=live.known_cap,
            resumes=live.session if live.interrupted else "",
            is_only_simulated=live.is_only_simulated,
        ).facts()
        return Job(
            key=live.key,
            argv=tuple(word.replace(SCRIPT, script) for word in wanted.argv),
            env={
                **given.env,
                "ORCHESTRATOR_RUN_ID": live.run,
                "ORCHESTRATOR_TASK_ID": live.task.id,
                "ORCHESTRATOR_ATTEMPT": str(live.number),
                "ORCHESTRATOR_DIR": self._workspace.layout.root,
                "TM_AGENT_ID": live.task.worker,
            },
            keep=given.keep,
            unset=given.unset,
            cwd=self._workdir,
            stdin=files.stdin if wanted.stdin else "",
            stdout=files.stdout,
            stderr=files.stderr,
            record=files.record,
            output=wanted.output,
            facts=facts,
        )

    def _assignment(self, live: LiveAttempt) -> Assignment:
        task = live.task
        found = self._workspace.assignments.read(task)
        is_prose = self._agents[live.agent].reads_prose
        needs = [self._tasks[need] for need in sources(task, self._tasks)]
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
            lambda need, written: self._as_answered(
                need.id, live.inputs[need.id], written, is_prose=is_prose
            ),
            is_prose=is_prose,
        ):
            path = self._shown(answer.log or self._workspace.layout.result_file(need.stem))
            inputs.append(Input(need.id, need.name, path, answer.text, answer.left_out))
            if not is_prose and (answer.left_out or answer.hidden):
                self._warn_of(live, need, answer, path)
        return Assignment(
            task=task,
            settings=self._policies[task.id],
            program=self._program,
            name=task.worker,
            messages=self._heard(task) if is_prose else (),
            # A file of settings only adds to the row, and takes nothing away.
            body=found.body if found and found.body.strip() else in_words(task, is_prose=is_prose),
            code=found.code if found else "",
            language=found.language if found else "",
            inputs=tuple(inputs),
            session=live.session,
            interrupted=live.interrupted,
            is_changed=bool(live.interrupted and live.earlier)
            and self._workspace.assignments.is_newer(task, live.earlier[-1].started),
            cap=live.cap,
        )

    def _read_again(self, need: str, number: int, written: str, *, is_prose: bool) -> Answer:
        task, layout = self._tasks[need], self._workspace.layout
        return raw_answer(layout, task, number, self._agents, written, is_prose=is_prose)

    def _log_of(self, live: LiveAttempt, need: Task) -> str:
        return self._workspace.layout.attempt(need.stem, live.inputs[need.id]).stdout

    def _warn_of(self, live: LiveAttempt, need: Task, answer: Answer, path: str) -> None:
        """Tell that a program gets less than all: an agent is told so in its prompt, a program counts what it gets."""
        lacks = f"lacks {answer.left_out + answer.hidden:,} bytes on its standard input"
        where = f"all of it is in {path}"
        if answer.hidden:
            log = self._log_of(live, need)
            where = f"all of it is in {self._shown(log)}; a correction counts only within what the result shows"
            if not os.path.lexists(log):
                where = f"its log {self._shown(log)} is gone"
        self.warn(f"{live.task.id}: what {need.id} answered {lacks}: {where}")

    def _heard(self, task: Task) -> Sequence[Message]:
        """Return what was said about a task and what it depends on, and what everybody should know."""
        if not self._program:
            return ()
        heard = self._contexts.heard(self._ids, {task.id, task.parent, *task.needs})
        if missed := self._contexts.take_missed():
            self.warn(missed)
        return heard

    def _shown(self, path: str) -> str:
        return path.removeprefix(self._workdir.rstrip("/") + "/")


def _concerns_all(error: StoreError) -> bool:
    """Say whether the disk or the machine is in trouble, and not only one file."""
    if isinstance(error, NotAFileError):
        return False
    cause = error.__cause__
    return not isinstance(cause, OSError) or cause.errno in OF_THE_DISK


def _new_session() -> str:
    import uuid  # 3 ms, and most agents that are no Claude keep no conversation

    return str(uuid.uuid4())

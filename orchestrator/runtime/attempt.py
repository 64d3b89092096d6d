"""One attempt at one task, from the launch to the result: its job, its log read along, its result file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.agents.protocol import Agent, Assignment, Input, Reader
from orchestrator.core.invocation import SCRIPT
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Exit, Outcome, Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.executors.protocol import Job
from orchestrator.store.atomic import write_new
from orchestrator.store.layout import AttemptFiles
from orchestrator.store.result_file import render_result, safe_answer
from orchestrator.store.workspace import Commit, Workspace

#: Bytes of a log read in one go: a gigabyte of output must not stop the world.
PIECE = 4 * 1024 * 1024
_TAIL = 16 * 1024


@dataclass(slots=True, kw_only=True)
class LiveAttempt:
    """An attempt under way."""

    task: Task
    number: int
    charge: int
    run: str
    agent: str
    files: AttemptFiles
    started: float
    """Seconds since the epoch."""
    inputs: Mapping[str, int]
    earlier: Sequence[Attempt]
    reader: Reader
    offset: int = 0
    news: str = ""
    unreadable: str = ""
    """Why the log cannot be read: agents may do anything to the files in ``logs/``."""
    pid: int = 0

    @property
    def key(self) -> str:
        """The name the executor knows it by."""
        return self.files.key

    def read_along(self) -> bool:
        """Feed the reader the next piece of the log; True when there may be more at once."""
        try:
            with open(self.files.stdout, "rb", buffering=0) as log:
                log.seek(self.offset)
                data = log.read(PIECE)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.unreadable = f"its log cannot be read: {error.strerror}"
            return False
        self.offset += len(data)
        if data:
            self.news = self.reader.feed(data) or self.news
        return len(data) == PIECE

    def judge(self, exit: Exit) -> Outcome:
        """Conclude, once the whole log was read."""
        if self.unreadable:
            return Outcome(verdict=Verdict.FATAL, reason=self.unreadable)
        return self.reader.close(exit, _tail(self.files.stderr))

    def running(self) -> Result:
        """Return the result as it stands while the attempt runs."""
        attempt = Attempt(
            number=self.number, charge=self.charge, run=self.run, started=self.started, pid=self.pid
        )
        return self._result(TaskStatus.RUNNING, attempt)

    def running_text(self) -> str:
        """Return the result file while the attempt runs."""
        return render_result(
            self.running(), label=self.task.label, answer="", log=f"../logs/{self.key}.out"
        )

    def over(self, status: TaskStatus, exit: Exit, outcome: Outcome) -> Result:
        """Return the result of the attempt that ended."""
        failed = outcome.verdict is Verdict.FATAL
        attempt = Attempt(
            number=self.number,
            charge=self.charge,
            run=self.run,
            status=(Verdict.FAILED if failed else outcome.verdict).value,
            reason=outcome.reason,
            started=exit.started or self.started,
            ended=exit.ended or self.started,
            duration=exit.duration,
            exit=exit.describe(),
            pid=exit.pid or self.pid,
        )
        return self._result(status, attempt)

    def commit(self, result: Result, outcome: Outcome, exit: Exit) -> Commit:
        """Return the result file, ready to be made durable."""
        statistics = dict(outcome.statistics)
        if exit.max_rss:
            statistics["Peak memory"] = f"{exit.max_rss / 1e6:.0f} MB"
            statistics["Processor time"] = f"{exit.cpu:.2f}s"
        text = render_result(
            result,
            label=self.task.label,
            answer=safe_answer(outcome.answer, is_markdown=outcome.is_markdown),
            log=f"../logs/{self.key}.out",
            statistics=statistics,
        )
        return Commit(stem=self.task.stem, result=result, text=text, files=self.files)

    def _result(self, status: TaskStatus, attempt: Attempt) -> Result:
        return Result(
            task=self.task.id,
            agent=self.agent,
            status=status,
            attempts=(*self.earlier, attempt),
            inputs=self.inputs,
        )


class Launchpad:
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
    ) -> None:
        """Take what is the same for every attempt of a run."""
        self._workspace = workspace
        self._tasks = tasks
        self._policies = policies
        self._agents = agents
        self._run = run
        self._workdir = workdir

    def attempt(
        self, task: Task, number: int, charge: int, results: Mapping[str, Result], started: float
    ) -> LiveAttempt:
        """Return a fresh attempt; nothing is read or written yet."""
        settings = self._policies[task.id]
        before = results.get(task.id)
        return LiveAttempt(
            task=task,
            number=number,
            charge=charge,
            run=self._run,
            agent=settings.agent,
            files=self._workspace.layout.attempt(task.stem, number),
            started=started,
            inputs={need: results[need].number for need in task.needs},
            earlier=closed(before.attempts) if before else (),
            reader=self._agents[settings.agent].reader(settings),
        )

    def job(self, live: LiveAttempt) -> Job:
        """Read the task file as it is right now, ask the agent what to run, lay out its files.

        Raises:
            PlanError: the task file makes no sense.
            AgentError: the agent cannot do this task.
            StoreError: a file could not be read or written.
        """
        wanted = self._agents[live.agent].invocation(self._assignment(live.task))
        files = live.files
        if wanted.script:
            write_new(files.script, wanted.script.encode())
        if wanted.stdin:
            write_new(files.stdin, wanted.stdin.encode())
        facts = {
            "task": live.task.id,
            "attempt": live.number,
            "charge": live.charge,
            "run": live.run,
            "agent": live.agent,
            "inputs": dict(live.inputs),
        }
        return Job(
            key=live.key,
            argv=tuple(files.script if word == SCRIPT else word for word in wanted.argv),
            env={
                **wanted.env,
                "ORCHESTRATOR_RUN_ID": live.run,
                "ORCHESTRATOR_TASK_ID": live.task.id,
                "ORCHESTRATOR_ATTEMPT": str(live.number),
                "ORCHESTRATOR_DIR": self._workspace.layout.root,
                "TM_AGENT_ID": live.task.assignee or live.task.stem,
            },
            unset=wanted.unset,
            cwd=self._workdir,
            stdin=files.stdin if wanted.stdin else "",
            stdout=files.stdout,
            stderr=files.stderr,
            record=files.record,
            output=wanted.output,
            facts=facts,
        )

    def _assignment(self, task: Task) -> Assignment:
        found = self._workspace.read_task_file(task)
        inputs = [
            Input(
                task=need.id,
                name=need.name,
                path=self._shown(self._workspace.layout.result_file(need.stem)),
                answer=self._workspace.read_answer(need.stem),
            )
            for need in map(self._tasks.__getitem__, task.needs)
        ]
        return Assignment(
            task=task,
            settings=self._policies[task.id],
            body=found.body if found else task.description,
            code=found.code if found else "",
            language=found.language if found else "",
            inputs=tuple(inputs),
        )

    def _shown(self, path: str) -> str:
        inside = path.startswith(self._workdir.rstrip("/") + "/")
        return os.path.relpath(path, self._workdir) if inside else path


def closed(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return earlier attempts; one that still says ``running`` was interrupted, for its runner is gone."""
    return tuple(
        attempt._replace(
            status=Verdict.INTERRUPTED.value, reason=attempt.reason or "the runner died"
        )
        if attempt.status == TaskStatus.RUNNING.value
        else attempt
        for attempt in attempts
    )


def _tail(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""  # it only makes a reason clearer

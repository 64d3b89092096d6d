"""Timers of the user's systemd: two units for each run, in the directory where systemd looks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from orchestrator.core.finding import Probe
from orchestrator.core.text import one_line
from orchestrator.cron.entry import MARK, PREFIX, Scheduled, ScheduledRun, read_units, service_unit, timer_unit
from orchestrator.errors import ScheduleError
from orchestrator.executors.probe import ask
from orchestrator.ownership import make_directories

_TIMER, _SERVICE = ".timer", ".service"


class SystemdTimers:
    """Writes units, and has ``systemctl --user`` take notice."""

    by = "systemd"

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        """Take the program ``systemctl``; the units lie in ``$XDG_CONFIG_HOME/systemd/user``."""
        self._program, self._environment = program, {**environment, "LC_ALL": "C"}
        home = environment.get("HOME") or os.path.expanduser("~")
        config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        self._directory = os.path.join(config, "systemd", "user")

    def entries(self) -> Sequence[Scheduled]:
        """Return what our timers say."""
        try:
            names = sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed("cannot list", self._directory, error) from error
        found = []
        for file in names:
            if not (file.startswith(PREFIX) and file.endswith(_TIMER)):
                continue
            name = file.removeprefix(PREFIX).removesuffix(_TIMER)
            if self._is_ours(timer := self._read(file), name):
                when, plan = read_units(timer, self._read(f"{PREFIX}{name}{_SERVICE}"))
                found.append(Scheduled(name, when, plan, self.by))
        return found

    def add(self, job: ScheduledRun) -> None:
        """Write the units and start the timer; what is written is taken away again when that fails."""
        units = {_TIMER: timer_unit(job), _SERVICE: service_unit(job)}
        written: list[str] = []
        try:
            make_directories(self._directory)
            for kind, text in units.items():
                path = self._path(job.name, kind)
                if self._is_ours(self._read(os.path.basename(path)), job.name):
                    os.unlink(path)  # half of an entry, which is neither started nor listed
                with open(path, "x", encoding="utf-8") as file:
                    written.append(path)
                    file.write(text)
        except OSError as error:
            _unlink(written)
            place = error.filename or self._directory
            raise self._failed("cannot write", place, error) from error
        timer = f"{PREFIX}{job.name}{_TIMER}"
        for words in (("daemon-reload",), ("enable", "--now", timer)):
            answer = self._ask(*words)
            if answer.code != 0:
                self._ask("disable", "--now", timer)
                _unlink(written)
                self._ask("daemon-reload")
                raise _refused(words, answer)

    def remove(self, name: str) -> None:
        """Stop the timer and take its units away. A run that it has started goes on to its end."""
        timer = f"{PREFIX}{name}{_TIMER}"
        if not self._is_ours(self._read(timer), name):
            return
        words = ("disable", "--now", timer)
        answer = self._ask(*words)
        if answer.code != 0:
            raise _refused(words, answer)
        _unlink([self._path(name, _TIMER), self._path(name, _SERVICE)])
        self._ask("daemon-reload")

    def _ask(self, *words: str) -> Probe:
        return ask([self._program, "--user", *words], self._environment)

    def _path(self, name: str, kind: str) -> str:
        return os.path.join(self._directory, f"{PREFIX}{name}{kind}")

    def _read(self, file: str) -> str:
        try:
            with open(os.path.join(self._directory, file), encoding="utf-8", errors="replace") as unit:
                return unit.read(64 * 1024)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._failed("cannot read", file, error) from error

    @staticmethod
    def _is_ours(unit: str, name: str) -> bool:
        return unit.partition("\n")[0] == f"{MARK} {name}"

    @staticmethod
    def _failed(what: str, path: str, error: OSError) -> ScheduleError:
        return ScheduleError(f"{what}: {error.strerror}", where=path)


def _unlink(paths: Sequence[str]) -> None:
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue


def _refused(words: Sequence[str], answer: Probe) -> ScheduleError:
    said = one_line(answer.trouble or answer.stderr, 200) or f"exit {answer.code}"
    return ScheduleError(
        f"systemctl --user {' '.join(words)}: {said}",
        hint="without a user session of systemd, use cron, or orchestrator run --every",
    )

"""The user's crontab, through the program ``crontab``: one line for each run. Other lines stay unchanged."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence

from orchestrator.core.text import one_line
from orchestrator.cron.entry import Scheduled, ScheduledRun, cron_line, read_cron_line
from orchestrator.errors import ScheduleError
from orchestrator.executors.probe import ask

#: Largest crontab that is read, in bytes; a longer one is left unchanged.
_LARGEST = 1024 * 1024


class Crontab:
    """Reads with ``crontab -l``, writes with ``crontab FILE``."""

    by = "crontab"

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        """Take the program ``crontab``; it is asked in English, because one of its complaints is none."""
        self._program = program
        self._environment = {**environment, "LC_ALL": "C"}

    def entries(self) -> Sequence[Scheduled]:
        """Return what our lines say."""
        return [found for line in self._lines() if (found := _read(line)) is not None]

    def add(self, job: ScheduledRun) -> None:
        """Append a line."""
        line = cron_line(job)
        lines = self._lines()
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        self._write([*lines, f"{line}\n"])
        if f"{line}\n" not in self._lines():
            raise ScheduleError(
                "the line is not in the crontab: someone else changed it in the same moment", hint="try once more"
            )

    def remove(self, name: str) -> None:
        """Write the crontab without a line."""
        lines = self._lines()
        kept = [line for line in lines if (found := _read(line)) is None or found.name != name]
        if len(kept) < len(lines):
            self._write(kept)

    def _lines(self) -> list[str]:
        answer = ask([self._program, "-l"], self._environment, limit=_LARGEST)
        if answer.code == 0:
            # A crontab is bytes: what is no text comes back as it was.
            return answer.stdout.splitlines(keepends=True)
        if answer.code == 1 and "no crontab for" in answer.stderr.lower():
            return []
        raise _refused("cannot read the crontab", answer.trouble or answer.stderr)

    def _write(self, lines: Sequence[str]) -> None:
        text = "".join(lines)
        if "\ufffd" in text:
            raise ScheduleError("the crontab is not UTF-8, and would be damaged", hint="crontab -e; then try once more")
        with tempfile.NamedTemporaryFile(prefix="crontab-") as file:
            file.write(text.encode())
            file.flush()
            answer = ask([self._program, file.name], self._environment)
        if answer.code != 0:
            raise _refused("the crontab was not changed", answer.trouble or answer.stderr)


def _read(line: str) -> Scheduled | None:
    return None if line.lstrip().startswith("#") else read_cron_line(line)


def _refused(what: str, why: str) -> ScheduleError:
    said = one_line(why, 200) or "it gave no reason"
    hint = "crontab -l shows it; `orchestrator run --every D` works without cron"
    return ScheduleError(f"{what}: {said}", hint=hint)

"""Stands in for ``systemctl --user``: which timers are on is in a file beside itself; says what the real one says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).parent
ON, NO_BUS = HERE / "timers.on", HERE / "no.bus"
UNITS = Path(os.environ.get("XDG_CONFIG_HOME") or Path(os.environ["HOME"], ".config"), "systemd/user")


def main() -> None:
    assert sys.argv[1] == "--user"
    command, *words = sys.argv[2:]
    if NO_BUS.exists():
        sys.exit("Failed to connect to bus: No medium found")
    on = set(ON.read_text().split()) if ON.exists() else set()
    if command == "daemon-reload":
        return
    now, timer = words
    assert now == "--now"
    if not (UNITS / timer).exists():
        sys.exit(f"Failed to {command} unit: Unit file {timer} does not exist.")
    if command == "enable":
        assert (UNITS / timer.replace(".timer", ".service")).exists()
        on.add(timer)
    else:
        on.discard(timer)
    ON.write_text("\n".join(sorted(on)))


main()

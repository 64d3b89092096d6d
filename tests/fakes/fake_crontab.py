"""Stands in for ``crontab``: keeps a file beside itself, and says what the real one says.

Compared by hand with cron 3.0pl1 of Debian: without a crontab ``-l`` exits with 1, a file with a bad line is refused
as a whole, a line may have 998 bytes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).parent
SPOOL, LOCKED = HERE / "crontab.spool", HERE / "crontab.locked"
_ENTRY = re.compile(rb"\s*(@\w+|([0-9*,/a-zA-Z-]+[ \t]+){5})\s*\S.*|\s*#.*|\s*|\s*\w+\s*=.*")


def main() -> None:
    if LOCKED.exists():
        sys.exit("You (somebody) are not allowed to use this program (crontab)")
    (word,) = sys.argv[1:]
    if word == "-l":
        if not SPOOL.exists():
            print("no crontab for somebody", file=sys.stderr)
            sys.exit(1)
        sys.stdout.buffer.write(SPOOL.read_bytes())
        return
    new = Path(word).read_bytes()
    for number, line in enumerate(new.split(b"\n")):
        if not _ENTRY.fullmatch(line) or len(line) > 998:
            print(f'"{word}":{number}: bad minute\nerrors in crontab file, can\'t install.', file=sys.stderr)
            sys.exit(1)
    if new and not new.endswith(b"\n"):
        sys.exit("new crontab file is missing newline before EOF, can't install.")
    SPOOL.write_bytes(new)


main()

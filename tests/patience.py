"""How long a test waits for what must happen, and how long it gives to what is to be cut short."""

from __future__ import annotations

#: Seconds after which a test that waits has failed: only what hangs gets there, however busy the machine is.
PATIENCE = 120.0
#: Seconds in which a process has surely begun and said its first words: the limit of an attempt that is to reach it.
BEGUN = 5.0

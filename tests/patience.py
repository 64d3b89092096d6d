"""How long a test waits for what must happen."""

from __future__ import annotations

#: Seconds after which a test that waits has failed: only what hangs gets there, however busy the machine is.
PATIENCE = 120.0

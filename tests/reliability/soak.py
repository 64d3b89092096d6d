"""How long the reliability tests may take: ``ORCHESTRATOR_SOAK`` instants, which ``nox -s soak`` sets; 0 in CI."""

from __future__ import annotations

import os

SOAK = int(os.environ.get("ORCHESTRATOR_SOAK", "0"))

"""Sets the clock of a process far ahead and back again, at every look at it: ``CLOCK_JUMPS`` says by how many seconds.

Python imports this by its name at start. The clock that never jumps stays as it is.
"""

from __future__ import annotations

import itertools
import os
import time

if "CLOCK_JUMPS" in os.environ:
    real, jumps = time.time, itertools.cycle(map(float, os.environ["CLOCK_JUMPS"].split(",")))
    time.time = lambda: real() + next(jumps)

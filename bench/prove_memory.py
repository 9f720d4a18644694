"""What a million messages through every stage allocate, as JSON: numba's counters and the resident set.

Run with NUMBA_NRT_STATS=1, which numba reads when it is imported.
"""

import json
import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
from numba.core.runtime import rtsys

from bench.suite_pipeline import Session, recording_path
from procs.backtest import batches
from procs.journal import JournalWriter
from procs.recording import Recording
from shm.kernel import kernel

EVENTS = {"full": 1_000_000, "smoke": 10_000}
WARM_BATCHES = {"full": 100, "smoke": 4}
"""Of LINES_A_SLICE recorded lines each: every page of rings and tables has been touched then."""


@kernel
def allocate_once(size):
    """The control: what the counter must see."""
    return np.zeros(size, dtype=np.int64)[0]


def _allocations() -> int:
    return int(rtsys.get_allocation_stats().mi_alloc)


def main(size: str) -> None:
    """Play the recording as often as it takes, and print what was allocated after each time's warm-up."""
    allocate_once(8)
    before = _allocations()
    allocate_once(8)
    found = {"control": _allocations() - before, "allocations": 0, "events": 0, "resident_bytes": 0}
    while found["events"] < EVENTS[size]:
        with tempfile.TemporaryDirectory() as folder:
            session = Session(Path(folder), journals=JournalWriter)
            lines = batches(Recording(recording_path()))
            for _, offsets, text in islice(lines, WARM_BATCHES[size]):
                session.play_batch(offsets, text)
            # Read into memory before the counters are: what Python allocates for the lines is not the stages'.
            held = list(islice(lines, None if size == "full" else 4))
            events, began, resident = _events(session), _allocations(), resident_bytes()
            for _, offsets, text in held:
                session.play_batch(offsets, text)
            found["allocations"] += _allocations() - began
            found["resident_bytes"] = max(found["resident_bytes"], resident_bytes() - resident)
            found["events"] += _events(session) - events
            session.stop()
    print(json.dumps(found))


def resident_bytes() -> int:
    """Anonymous memory of this process that is in RAM; a live run's journals are mapped files and do not count."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def _events(session: Session) -> int:
    """Messages that all stages have taken."""
    return sum(int(station.row["taken"]) for station in session.backtest.stations)


if __name__ == "__main__":
    main(sys.argv[1])

"""What the duty cycle knows of a stage: its inboxes, its state and step, its timer, its heartbeat."""

import numpy as np

from procs.ports import PORTS
from procs.watch import WATCH
from shm.cancels import CANCEL_READER
from shm.codec import record_dtype
from shm.ring import READER
from shm.slot import SLOT_READER
from trader.messages import CancelRequest, Control, Gap, Timer

INBOXES_MAX = 12
BATCH_MAX = 64
HOPS = ("queueing", "service", "hop", "age")
"""What is recorded of every message: publish to taken, the step, publish to done, origin to done."""

GAP_PORT, CONTROL_PORT, TIMER_PORT = 252, 253, 254
"""Port numbers of the journal for what comes from no link."""

HEARTBEAT_NS = 100_000_000
JOURNAL_RESERVE_BYTES = 2 << 20
"""Room that a journal keeps: the largest frame, and all that one step may send."""

SAMPLES_MAX = 64

SAMPLE = np.dtype(
    [("histograms", "i8"), ("queueing_ns", "i8"), ("service_ns", "i8"), ("age_ns", "i8")],
    align=True,
)
"""The times of one message, until they are counted: histograms are far too large for the caches that a step needs."""

INBOX = np.dtype(
    [
        ("kind", "i8"),
        ("recorded", "i8"),
        ("histograms", "i8"),
        ("taken", "i8"),
        ("missed", "i8"),
        ("ring", READER),
        ("slot", SLOT_READER),
        ("cancels", CANCEL_READER),
    ],
    align=True,
)
"""One link in. `recorded`: the journal keeps the frame itself, because no other journal has it."""

DUTY = np.dtype(
    [
        ("ports", PORTS),
        ("entry", "i8"),
        ("state", "i8"),
        ("clock", "i8"),
        ("stamp_ns", "i8"),
        ("sample_count", "i8"),
        ("control", "i8"),
        ("command_seen", "i8"),
        ("timer_ns", "i8"),
        ("timer_next_ns", "i8"),
        ("timer_count", "i8"),
        ("held", "i8"),
        ("beat_ns", "i8"),
        ("failure", "i8"),
        ("taken", "i8"),
        ("busy_ns", "i8"),
        ("batch_max", "i8"),
        ("inbox_count", "i8"),
        ("watches", WATCH, (INBOXES_MAX,)),
        ("inboxes", INBOX, (INBOXES_MAX,)),
        ("samples", SAMPLE, (SAMPLES_MAX,)),
        ("frame", "i8", (16,)),
        ("control_message", record_dtype(Control)),
        ("timer_message", record_dtype(Timer)),
        ("gap_message", record_dtype(Gap)),
        ("cancel_message", record_dtype(CancelRequest)),
    ],
    align=True,
)
"""Everything the loop knows of one stage. `stamp_ns`: when the last step ended, or the pass began. `held`: whether
something waits because a link behind the stage has no room. `frame`: where
messages from no link are written."""

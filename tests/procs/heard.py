"""What compiled code says through `log_event`: a ring bound to any stage's ports, and its lines."""

from typing import Any

import numpy as np

from procs.hot_log import HotRing
from procs.log_queue import LogLine
from procs.ports import log_event
from shm.kernel import kernel, view
from shm.log_ring import LOG_WRITER, log_record, log_ring_bytes, open_log_writer
from tests.shm.areas import aligned, shared

NOW_NS = 1_000_000_000


@kernel
def say(ports, event, first, second, third, share):
    """Log one event with three integers and a float."""
    log_event(ports, event, first, second, third, share)


@kernel
def say_many(writer, event, time_ns, count):
    """Log records that are a nanosecond apart; how many found room."""
    own = view(writer, LOG_WRITER)
    kept = 0
    for index in range(count):
        kept += log_record(own, event, time_ns + index, index, 0, 0, 0, 0, 0)
    return kept


class Heard:
    """A ring behind `ports` (a PORTS record), and what has been said into it."""

    def __init__(
        self, ports: Any, *, records: int = 256, symbols: tuple[str, ...] = ("BTCUSDT",), doorbell: int = 0,
        in_shared: bool = False,
    ) -> None:  # fmt: skip
        size = log_ring_bytes(records)
        self.content: np.ndarray = (shared if in_shared else aligned)(size)[:size]
        self.ring = HotRing("stage", self.content, symbols)
        open_log_writer(ports["hot_log"], self.content, doorbell)

    def lines(self) -> list[LogLine]:
        """Everything since the last look."""
        return self.ring.take(NOW_NS, 0)

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Names and values of the events since the last look."""
        return [(line.event, line.fields) for line in self.lines()]

"""Sockets of the stages that own some: bytes in, bytes out; no knowledge of what the bytes mean.

    stage step --> WireOut --> Transport.act()          one call per message, copies or sends, never waits
    stage step <-- WireIn  <-- WireSink.frame()         called from the event loop's thread only

A transport calls the sink from its socket callbacks, never from within `act`, so a duty cycle that runs inside
`frame` may call `act` without being entered twice. An exception that leaves `frame` goes to the event loop's exception
handler (`loop.set_exception_handler`), and the connection that brought the frame is closed.
"""

import time
from enum import IntEnum
from typing import Protocol

FRAME_BYTES_MAX = 1 << 20
"""Largest WebSocket message that is accepted, 1 MiB; a larger one ends the connection with 1009."""

BODY_BYTES_MAX = 8 << 20
"""Largest REST reply that is accepted, 8 MiB."""

RETRY_AFTER_UNIT = 1_000
"""`status` of a RESPONSE is the HTTP status plus this times the seconds of its Retry-After header."""


class WireStatus(IntEnum):
    """`status` of a LOST message. Below 1000: HTTP; from 1000: the WebSocket close codes, so any of them may appear.

    A refused upgrade or logon says so with the venue's own HTTP status (404, 401, ...).
    """

    UNREACHABLE = 0
    LOGON_REFUSED = 401
    LOGON_TIMEOUT = 408
    NORMAL = 1000
    GOING_AWAY = 1001
    ABNORMAL = 1006
    POLICY = 1008
    TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013


class WireSink(Protocol):
    """Where a transport delivers: writes one WireIn message into the stage's inbox and runs its duty cycle."""

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """Take one event (`kind`: WireKind). `payload` is valid only until this returns."""

    def queue(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """Take one event of a read that brought more: the next one, by `frame`, is at hand."""


class Transport(Protocol):
    """What the event-loop runner of a stage drives."""

    async def open(self) -> None:
        """Begin: a server binds its port, a client has nothing to do yet."""

    def act(self, connection_id: int, kind: int, status: int, delay_ns: int, payload: memoryview) -> None:
        """Carry out one WireOut, `delay_ns` from now. The payload is copied or sent before this returns."""

    def send(self, connection_id: int, frames: memoryview, count: int) -> None:
        """Hand `count` whole WebSocket frames, back to back, to a connection's socket; `frames` is free afterwards."""

    async def close(self) -> None:
        """Close every socket. The sink hears nothing after this."""


def unix_ms() -> int:
    """The Unix clock in milliseconds, for signatures and their windows."""
    return time.time_ns() // 1_000_000

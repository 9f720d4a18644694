"""One client of the simulated exchange: its WebSocket, its logon, and what is done when it does not read."""

import asyncio
from typing import TYPE_CHECKING

from picows import WSCloseCode, WSMsgType, WSTransport

from procs.transport.wire import Wire
from trader.enums import WireKind

if TYPE_CHECKING:
    from procs.transport.server import ServerTransport

TEXT = WSMsgType.TEXT
PAUSE_BYTES = 1 << 20
"""Unsent bytes of one client at which the server's `writable` is cleared."""

STALL_S = 10.0
"""A client that stays over PAUSE_BYTES for so long is dropped, or one dead client would hold back all."""


class ServerWire(Wire):
    """One client that came to us, its logon and its backlog."""

    def __init__(self, owner: "ServerTransport", path: bytes) -> None:
        super().__init__(0, self._take_frame)
        self._owner = owner
        self._path = path
        self._stall_timer: asyncio.TimerHandle | None = None
        self._is_paused = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is answered: take an id and tell the stage."""
        self.ws = transport
        transport.underlying_transport.set_write_buffer_limits(high=PAUSE_BYTES)
        self.connection_id = self._owner.admit(self)
        if self.connection_id == 0:
            self.close(WSCloseCode.TRY_AGAIN_LATER)
            return
        if self._owner.verifier is None:
            self._pass_on()
        try:
            self._owner.sink.frame(self.connection_id, int(WireKind.CONNECTED), 0, self._path)
        except Exception as error:
            self.fail(error)

    def _take_frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """Frames of a client that has not logged on: maybe this is its logon."""
        owner = self._owner
        assert owner.verifier is not None
        answer = owner.verifier.answer_logon(bytes(payload), owner.clock_ms())
        if answer is None:
            owner.sink.frame(connection_id, kind, status, payload)
            return
        good, reply = answer
        if self.ws is not None:
            self.ws.send(TEXT, reply)
        if good:
            self._pass_on()
            owner.sink.frame(connection_id, int(WireKind.AUTHENTICATED), 0, b"")

    def _pass_on(self) -> None:
        """From here on every frame is the stage's."""
        self.deliver, self.queue = self._owner.sink.frame, self._owner.sink.queue

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        self._stop_timer()
        try:
            self._owner.dismiss(self)
        except Exception as error:
            self.fail(error)

    def break_off(self, part: bytes) -> None:
        """End in the middle of a frame: `part` of it still goes out, and no goodbye."""
        if self.ws is not None and not self.ws.is_disconnected:
            announced = 0xFFFF  # bytes, in the two-byte form of a frame's length
            self.ws.underlying_transport.write(b"\x81\x7e" + announced.to_bytes(2, "big") + part[: announced // 2])
            self.disconnect()

    def pause_writing(self) -> None:
        """More than PAUSE_BYTES unsent: from now on every frame looks at the cap."""
        self._stall_timer = asyncio.get_running_loop().call_later(STALL_S, self._drop)
        self._is_paused = True
        self._owner.set_paused(self, paused=True)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stop_timer()
        self._is_paused = False
        self._owner.set_paused(self, paused=False)

    def send(self, payload: bytes | memoryview) -> None:
        """One frame, while the client is not too far behind."""
        if self.ws is not None and self.has_room(len(payload)):
            self.ws.send(TEXT, payload)

    def has_room(self, length: int) -> bool:
        """Whether so many bytes more may wait for the client; one that is too far behind is dropped."""
        if not self._is_paused:
            return True
        assert self.ws is not None
        if self.ws.underlying_transport.get_write_buffer_size() + length <= self._owner.backlog_bytes_max:
            return True
        self._drop()
        return False

    def _drop(self) -> None:
        self._stop_timer()
        if self.ws is not None and not self.ws.underlying_transport.is_closing():
            self._owner.clients_dropped += 1
            self.ws.disconnect(False)

    def _stop_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

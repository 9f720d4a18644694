"""Server side of the wire, for the simulated exchange: WebSocket clients and REST requests on one port.

    accepted socket -> HttpConnection --Upgrade: websocket--> picows      ids 1..63
                             +-- GET, POST, PUT, DELETE -----> REQUEST ... RESPONSE

A WebSocket client holds an id from CONNECTED to LOST, a REST request from REQUEST to RESPONSE. The id longest free is
given next, and a lost client's rests ID_REST_S before: frames still under way to that client find nobody.
`session.logon` frames are verified and answered here, then AUTHENTICATED follows.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from picows import WSCloseCode, WSMsgType, WSTransport

from procs.transport import RETRY_AFTER_UNIT, WireSink, WireStatus, unix_ms
from procs.transport.authentication import Verifier
from procs.transport.http import HttpConnection, HttpRequest
from procs.transport.upgrade import hand_over
from procs.transport.wire import LINGER_S, Wire
from trader.enums import WireKind

TEXT = WSMsgType.TEXT
FRAME = int(WireKind.FRAME)
CONNECTIONS_MAX = 63
ID_REST_S = 0.5
ANSWER_S = 5.0
PAUSE_BYTES = 1 << 20
"""Unsent bytes of one client at which `writable` is cleared."""

STALL_S = 10.0
"""A client that stays over PAUSE_BYTES for so long is dropped, or one dead client would hold back all."""


class ServerTransport:
    """The clients of one exchange. See procs.transport.Transport for the interface towards the runner."""

    def __init__(
        self,
        sink: WireSink,
        host: str,
        port: int,
        verifier: Verifier | None,
        *,
        backlog_bytes_max: int = 64 << 20,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        """Port 0 takes any free one; `port` tells which after `open`. Without a verifier nobody is authenticated."""
        self.sink = sink
        self.host = host
        self.port = port
        self.verifier = verifier
        self.clock_ms = clock_ms
        self.backlog_bytes_max = backlog_bytes_max
        self.writable = asyncio.Event()
        """Clear while any client is more than PAUSE_BYTES behind: whoever replays waits for it."""
        self.writable.set()
        self.clients_dropped = 0
        """Clients closed because they did not read."""
        self.frames_dropped = 0
        """Frames and responses for connections that were gone."""
        self.closed = False
        self._server: asyncio.Server | None = None
        self._senders: list[Callable[..., None] | None] = [None] * (CONNECTIONS_MAX + 1)
        self._wires: dict[int, _ServerWire] = {}
        self._asking: dict[int, tuple[HttpConnection, asyncio.TimerHandle]] = {}
        self._http: set[HttpConnection] = set()
        self._paused: set[_ServerWire] = set()
        self._free = deque(range(1, CONNECTIONS_MAX + 1))

    async def open(self) -> None:
        """Bind and listen. Raises OSError where the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self.host, self.port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self) -> HttpConnection:
        connection = HttpConnection(self)
        self._http.add(connection)
        return connection

    def act(self, connection_id: int, kind: int, status: int, delay_ns: int, payload: memoryview | bytes) -> None:
        """Carry out one WireOut, now or `delay_ns` from now; never waits, never calls the sink."""
        if delay_ns > 0:
            later = (connection_id, kind, status, 0, bytes(payload))
            asyncio.get_running_loop().call_later(delay_ns / 1e9, self.act, *later)
        elif kind == FRAME:
            send = self._senders[connection_id]
            if send is not None:
                send(TEXT, payload)
            else:
                self.frames_dropped += 1
        elif kind == WireKind.RESPONSE:
            self._respond(connection_id, status, bytes(payload))
        elif kind == WireKind.CLOSE:
            wire = self._wires.get(connection_id)
            if wire is not None:
                self._senders[connection_id] = None
                if status == WireStatus.ABNORMAL:
                    wire.break_off(bytes(payload))
                else:
                    wire.close(WSCloseCode.OK)
        else:
            raise ValueError(f"kind: found {kind}, allowed FRAME, RESPONSE, CLOSE")

    # REST

    def request(self, connection: HttpConnection, request: HttpRequest) -> None:
        """Part of HttpOwner: verify, take an id and tell the stage."""
        if self.closed or not self._free:
            connection.respond(503, b'{"code":-1008,"msg":"too many connections"}', keep_alive=False)
            return
        connection_id = self._free.popleft()
        timer = asyncio.get_running_loop().call_later(ANSWER_S, self._give_up, connection_id)
        self._asking[connection_id] = (connection, timer)
        head = [f"{request.method} {request.target}", *(f"{name}: {value}" for name, value in request.headers.items())]
        payload = "\n".join(head).encode() + b"\n\n" + request.body
        try:
            self.sink.frame(connection_id, int(WireKind.REQUEST), int(self._is_verified(request)), payload)
        except Exception as error:
            context = {"message": "the stage failed on a request", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            self._respond(connection_id, 500, b"")

    def _is_verified(self, request: HttpRequest) -> bool:
        api_key = request.headers.get("x-mbx-apikey", "")
        if self.verifier is None or not api_key:
            return False
        query = request.target.partition("?")[2]
        body = request.body.decode("ascii", "replace")
        return self.verifier.verify_request(api_key, query, body, self.clock_ms()) == 0

    def _respond(self, connection_id: int, status: int, body: bytes) -> None:
        asking = self._asking.pop(connection_id, None)
        if asking is None:
            self.frames_dropped += 1
            return
        connection, timer = asking
        timer.cancel()
        self._free.append(connection_id)
        retry_after_s, status = divmod(status, RETRY_AFTER_UNIT)
        connection.respond(status, body, retry_after_s=retry_after_s)

    def _give_up(self, connection_id: int) -> None:
        """The stage has not answered in ANSWER_S; should it still do so, nobody has that id yet."""
        connection, _ = self._asking.pop(connection_id)
        self._release(connection_id)
        connection.respond(504, b"")

    def gone(self, connection: HttpConnection) -> None:
        """Part of HttpOwner: an HTTP connection ended or became a WebSocket; its answer, if any, is dropped."""
        self._http.discard(connection)

    # WebSocket

    def upgrade(self, transport: asyncio.Transport, received: bytes) -> None:
        """Part of HttpOwner: picows takes the socket over, as if it had accepted it itself."""
        hand_over(transport, received, lambda request: _ServerWire(self, request.path))

    def admit(self, wire: "_ServerWire", send: Callable[..., None]) -> int:
        """Give a new client its id and open its way out; 0 where all ids are taken."""
        if self.closed or not self._free:
            return 0
        connection_id = self._free.popleft()
        self._wires[connection_id] = wire
        self._senders[connection_id] = send
        return connection_id

    def dismiss(self, wire: "_ServerWire") -> None:
        """A client is gone: LOST, once, and its id rests."""
        self.set_paused(wire, paused=False)
        if wire.connection_id and self._wires.pop(wire.connection_id, None) is not None:
            self._senders[wire.connection_id] = None
            self._release(wire.connection_id)
            if not self.closed:
                self.sink.frame(wire.connection_id, int(WireKind.LOST), wire.close_status(), b"")

    def set_paused(self, wire: "_ServerWire", *, paused: bool) -> None:
        """Keep `writable`: clear while any client is behind."""
        if paused:
            self._paused.add(wire)
            self.writable.clear()
        else:
            self._paused.discard(wire)
            if not self._paused:
                self.writable.set()

    def set_sender(self, connection_id: int, send: Callable[..., None]) -> None:
        """Exchange the way out of a client that is still there."""
        if self._senders[connection_id] is not None:
            self._senders[connection_id] = send

    def _release(self, connection_id: int) -> None:
        asyncio.get_running_loop().call_later(ID_REST_S, self._free.append, connection_id)

    async def close(self) -> None:
        """Stop listening and say goodbye to every client (1001); the sink hears nothing more."""
        self.closed = True
        if self._server is not None:
            self._server.close()
        for _, timer in self._asking.values():
            timer.cancel()
        self._asking.clear()
        sockets = [wire.ws for wire in self._wires.values() if wire.ws is not None]
        for wire in list(self._wires.values()):
            wire.close(WSCloseCode.GOING_AWAY)
        for connection in list(self._http):
            connection.close()
        ends = [asyncio.wait_for(ws.wait_disconnected(), 2 * LINGER_S) for ws in sockets]
        await asyncio.gather(*ends, return_exceptions=True)
        await asyncio.sleep(0)


class _ServerWire(Wire):
    """One client that came to us, its logon and its backlog."""

    def __init__(self, owner: ServerTransport, path: bytes) -> None:
        super().__init__(0, self._take_frame)
        self._owner = owner
        self._path = path
        self._stall_timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is answered: take an id and tell the stage."""
        self.ws = transport
        transport.underlying_transport.set_write_buffer_limits(high=PAUSE_BYTES)
        self.connection_id = self._owner.admit(self, transport.send)
        if self.connection_id == 0:
            self.close(WSCloseCode.TRY_AGAIN_LATER)
            return
        if self._owner.verifier is None:
            self.deliver = self._owner.sink.frame
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
            self.deliver = owner.sink.frame
            owner.sink.frame(connection_id, int(WireKind.AUTHENTICATED), 0, b"")

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
        self._owner.set_paused(self, paused=True)
        self._owner.set_sender(self.connection_id, self._send_paused)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stop_timer()
        self._owner.set_paused(self, paused=False)
        if self.ws is not None:
            self._owner.set_sender(self.connection_id, self.ws.send)

    def _send_paused(self, message_type: WSMsgType, payload: bytes | memoryview) -> None:
        assert self.ws is not None
        if self.ws.underlying_transport.get_write_buffer_size() + len(payload) > self._owner.backlog_bytes_max:
            self._drop()
        else:
            self.ws.send(message_type, payload)

    def _drop(self) -> None:
        self._stop_timer()
        if self.ws is not None and not self.ws.underlying_transport.is_closing():
            self._owner.clients_dropped += 1
            self.ws.disconnect(False)

    def _stop_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

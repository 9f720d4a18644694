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

from picows import WSCloseCode

from procs.transport import RETRY_AFTER_UNIT, WireSink, WireStatus, unix_ms
from procs.transport.authentication import Verifier
from procs.transport.http import HttpConnection, HttpRequest
from procs.transport.server_wire import ServerWire
from procs.transport.upgrade import hand_over
from procs.transport.wire import LINGER_S
from trader.enums import WireKind

FRAME = int(WireKind.FRAME)
CONNECTIONS_MAX = 63
ID_REST_S = 0.5
ANSWER_S = 5.0


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
        """Clear while any client is more than server_wire.PAUSE_BYTES behind: whoever replays waits for it."""
        self.writable.set()
        self.clients_dropped = 0
        """Clients closed because they did not read."""
        self.frames_dropped = 0
        """Frames and responses for connections that were gone."""
        self.closed = False
        self._server: asyncio.Server | None = None
        self._senders: list[ServerWire | None] = [None] * (CONNECTIONS_MAX + 1)
        self._wires: dict[int, ServerWire] = {}
        self._asking: dict[int, tuple[HttpConnection, asyncio.TimerHandle]] = {}
        self._http: set[HttpConnection] = set()
        self._paused: set[ServerWire] = set()
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
            wire = self._senders[connection_id]
            if wire is not None:
                wire.send(payload)
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

    def send(self, connection_id: int, frames: memoryview, count: int) -> None:
        """Whole frames to one client; never waits."""
        wire = self._senders[connection_id]
        if wire is None:
            self.frames_dropped += count
        elif wire.has_room(len(frames)):
            wire.write(frames)

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
        hand_over(transport, received, lambda request: ServerWire(self, request.path))

    def admit(self, wire: "ServerWire") -> int:
        """Give a new client its id and open its way out; 0 where all ids are taken."""
        if self.closed or not self._free:
            return 0
        connection_id = self._free.popleft()
        self._wires[connection_id] = wire
        self._senders[connection_id] = wire
        return connection_id

    def dismiss(self, wire: "ServerWire") -> None:
        """A client is gone: LOST, once, and its id rests."""
        self.set_paused(wire, paused=False)
        if wire.connection_id and self._wires.pop(wire.connection_id, None) is not None:
            self._senders[wire.connection_id] = None
            self._release(wire.connection_id)
            if not self.closed:
                self.sink.frame(wire.connection_id, int(WireKind.LOST), wire.close_status(), b"")

    def set_paused(self, wire: "ServerWire", *, paused: bool) -> None:
        """Keep `writable`: clear while any client is behind."""
        if paused:
            self._paused.add(wire)
            self.writable.clear()
        else:
            self._paused.discard(wire)
            if not self._paused:
                self.writable.set()

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

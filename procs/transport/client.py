"""Client side of the wire: the WebSocket connections and the REST requests of feed and router.

    CONNECT -> connecting -> [logon] -> open -> LOST          per connection id, one LOST for each CONNECT

A CONNECT on a connection that is still there replaces it: nothing more is heard of the old one, not even LOST.
Ids in `authenticate` log on first (Ed25519 `session.logon`); then CONNECTED and AUTHENTICATED come together.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import urlsplit

import picows
from picows import WSCloseCode, WSHandshakeError, WSMsgType, WSTransport

from procs.transport import FRAME_BYTES_MAX, WireSink, WireStatus, unix_ms
from procs.transport.authentication import Credentials
from procs.transport.rest import RestClient, preload
from procs.transport.wire import LINGER_S, Wire
from trader.enums import WireKind

TEXT = WSMsgType.TEXT
FRAME = int(WireKind.FRAME)
TIMEOUT_S = 5.0
"""For a connection to stand, for a logon, for a whole REST request."""

PING_AFTER_S = 10.0
"""Silence after which the peer is pinged, and again the time it has to answer."""

BACKLOG_BYTES_MAX = 4 << 20
"""Unsent bytes at which a connection is given up: its peer has stopped reading."""

LOGON_ID = "logon"


class ClientTransport:
    """Connections to one venue. See procs.transport.Transport for the interface towards the runner."""

    def __init__(
        self,
        sink: WireSink,
        base_url: str,
        credentials: Credentials | None,
        *,
        authenticate: Collection[int] = (),
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        """`base_url`: http(s)://host[:port] or ws(s)://host[:port]. Raises ValueError on another, or without a key."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise ValueError(f"base_url: found {base_url!r}, allowed http(s)://HOST[:PORT] or ws(s)://HOST[:PORT]")
        if authenticate and credentials is None:
            raise ValueError(f"credentials: found none, needed to log on connections {sorted(authenticate)}")
        secure = "s" if parts.scheme in ("https", "wss") else ""
        self.sink = sink
        self.credentials = credentials
        self.authenticate = frozenset(authenticate)
        self.clock_ms = clock_ms
        self.frames_dropped = 0
        """Frames given for connections that were not open."""
        self._socket_url = f"ws{secure}://{parts.netloc}{parts.path.rstrip('/')}"
        self._rest = RestClient(sink, f"http{secure}://{parts.netloc}{parts.path.rstrip('/')}", self._sign)
        self._senders: dict[int, _ClientWire] = {}
        self._wires: dict[int, _ClientWire] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> None:
        """Import what REST needs, before anything is urgent. Each connection begins with its CONNECT."""
        preload()

    def act(self, connection_id: int, kind: int, status: int, delay_ns: int, payload: memoryview | bytes) -> None:
        """Carry out one WireOut, now or `delay_ns` from now; never waits, never calls the sink."""
        if kind == FRAME and delay_ns <= 0:
            wire = self._senders.get(connection_id)
            if wire is not None and wire.ws is not None:
                wire.ws.send(TEXT, payload)
            else:
                self.frames_dropped += 1
        elif not self._closed:
            self._act_cold(connection_id, kind, status, delay_ns, bytes(payload))

    def send(self, connection_id: int, frames: memoryview, count: int) -> None:
        """Whole frames, masked already, to one connection; never waits."""
        wire = self._senders.get(connection_id)
        if wire is not None:
            wire.write(frames)
        else:
            self.frames_dropped += count

    def _act_cold(self, connection_id: int, kind: int, status: int, delay_ns: int, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        if kind in (WireKind.CONNECT, WireKind.CLOSE) and connection_id in self._timers:
            self._timers.pop(connection_id).cancel()  # a newer wish replaces a CONNECT that still waits
            if kind == WireKind.CLOSE:
                loop.call_soon(self._deliver_lost, connection_id, WireStatus.NORMAL)
                return
        if delay_ns > 0:
            timer = loop.call_later(delay_ns / 1e9, self._act_later, connection_id, kind, status, payload)
            if kind == WireKind.CONNECT:
                self._timers[connection_id] = timer
        elif kind == WireKind.CONNECT:
            self._connect(connection_id, payload.decode())
        elif kind == WireKind.CLOSE:
            wire = self._wires.get(connection_id)
            if wire is not None and not wire.is_open:
                self._forget(connection_id)
                loop.call_soon(self._deliver_lost, connection_id, WireStatus.NORMAL)
            elif wire is not None:
                self._senders.pop(connection_id, None)
                wire.close()
        elif kind == WireKind.REQUEST:
            self._keep(self._rest.request(payload, signed=status == 1))
        else:
            raise ValueError(f"kind: found {kind}, allowed CONNECT, FRAME, REQUEST, CLOSE")

    def _act_later(self, connection_id: int, kind: int, status: int, payload: bytes) -> None:
        if kind == WireKind.CONNECT:
            self._timers.pop(connection_id, None)
        self.act(connection_id, kind, status, 0, payload)

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "the stage failed on what it received", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _connect(self, connection_id: int, path: str) -> None:
        self._forget(connection_id)
        wire = _ClientWire(self, connection_id)
        self._wires[connection_id] = wire
        self._keep(self._connect_wire(wire, path))

    async def _connect_wire(self, wire: "_ClientWire", path: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                ws, _ = await picows.ws_connect(
                    lambda: wire,
                    self._socket_url + path,
                    max_frame_size=FRAME_BYTES_MAX,
                    websocket_handshake_timeout=TIMEOUT_S,
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=PING_AFTER_S,
                    auto_ping_reply_timeout=PING_AFTER_S,
                    max_redirects=0,
                )
        except WSHandshakeError as error:
            self.lose(wire, int(error.response.status) if error.response is not None else WireStatus.UNREACHABLE)
        except (OSError, TimeoutError, picows.WSError, picows.WSInvalidURL):
            self.lose(wire, WireStatus.UNREACHABLE)
        else:
            if wire.ws is None:  # the server went away before its upgrade answer was complete
                self.lose(wire, WireStatus.ABNORMAL)
            with contextlib.suppress(Exception):  # told by LOST already; unasked, the event loop would report it again
                await ws.wait_disconnected()

    def is_current(self, wire: "_ClientWire") -> bool:
        """Whether anything of this connection may still reach the sink."""
        return not self._closed and self._wires.get(wire.connection_id) is wire

    def start_sending(self, wire: "_ClientWire") -> None:
        """From here on FRAMEs go out on this connection."""
        self._senders[wire.connection_id] = wire

    def lose(self, wire: "_ClientWire", status: int) -> None:
        """Report the end of a connection, once."""
        if self.is_current(wire):
            self._forget(wire.connection_id)
            self._deliver_lost(wire.connection_id, status)

    def _deliver_lost(self, connection_id: int, status: int) -> None:
        if not self._closed:
            self.sink.frame(connection_id, int(WireKind.LOST), int(status), b"")

    def _forget(self, connection_id: int) -> None:
        """Drop a connection without a word to the sink."""
        self._senders.pop(connection_id, None)
        wire = self._wires.pop(connection_id, None)
        if wire is not None:
            wire.deliver = wire.queue = _ignore
            wire.cancel_logon_timer()
            wire.close()

    def _sign(self, target: str) -> tuple[str, dict[str, str]]:
        """A REST target signed now, and the header that names the key."""
        if self.credentials is None:
            raise ValueError("credentials: found none, needed to sign a request")
        signed = self.credentials.signed_target(target, self.clock_ms())
        return signed, {"X-MBX-APIKEY": self.credentials.api_key}

    async def close(self) -> None:
        """Close all connections and requests; the sink hears nothing more."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        sockets = [wire.ws for wire in self._wires.values() if wire.ws is not None]
        for connection_id in list(self._wires):
            self._forget(connection_id)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._rest.close()
        ends = [asyncio.wait_for(ws.wait_disconnected(), 2 * LINGER_S) for ws in sockets]
        await asyncio.gather(*ends, return_exceptions=True)


class _ClientWire(Wire):
    """One connection that we opened, and its logon."""

    def __init__(self, owner: ClientTransport, connection_id: int) -> None:
        super().__init__(connection_id, owner.sink.frame)
        self.is_open = False
        self._owner = owner
        self._logon_timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade went through: log on, or say CONNECTED."""
        self.ws = transport
        owner = self._owner
        if not owner.is_current(self):
            self.close()
            return
        transport.underlying_transport.set_write_buffer_limits(high=BACKLOG_BYTES_MAX)
        if self.connection_id not in owner.authenticate or owner.credentials is None:
            self._start(authenticated=False)
            return
        self.deliver = self.queue = self._take_logon_reply
        transport.send(TEXT, owner.credentials.logon_frame(LOGON_ID, owner.clock_ms()))
        refuse = partial(self._refuse_logon, WireStatus.LOGON_TIMEOUT)
        self._logon_timer = asyncio.get_running_loop().call_later(TIMEOUT_S, refuse)

    def _start(self, *, authenticated: bool) -> None:
        assert self.ws is not None
        self.is_open = True
        self.deliver, self.queue = self._owner.sink.frame, self._owner.sink.queue
        self._owner.start_sending(self)
        try:
            self.deliver(self.connection_id, int(WireKind.CONNECTED), 0, b"")
            if authenticated:
                self.deliver(self.connection_id, int(WireKind.AUTHENTICATED), 0, b"")
        except Exception as error:
            self.fail(error)

    def _take_logon_reply(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        status = logon_status(bytes(payload))
        if status == 200:
            self.cancel_logon_timer()
            self._start(authenticated=True)
        elif status > 0:
            self._refuse_logon(status)

    def _refuse_logon(self, status: int) -> None:
        self.close(WSCloseCode.POLICY_VIOLATION)
        self._owner.lose(self, status)

    def cancel_logon_timer(self) -> None:
        """The logon is over, one way or the other."""
        if self._logon_timer is not None:
            self._logon_timer.cancel()
            self._logon_timer = None

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        try:
            self._owner.lose(self, self.close_status())
        except Exception as error:
            self.fail(error)

    def pause_writing(self) -> None:
        """More than BACKLOG_BYTES_MAX unsent: the peer no longer reads, and old orders are worse than none."""
        if self.ws is not None:
            self.ws.disconnect(False)

    def resume_writing(self) -> None:
        """Part of picows' interface; the connection is already going."""


def logon_status(frame: bytes) -> int:
    """HTTP-like status of a `session.logon` reply, at least 1; 0 where the frame is something else."""
    try:
        reply = json.loads(frame)
        return max(1, int(reply["status"])) if reply["id"] == LOGON_ID else 0
    except (ValueError, KeyError, TypeError):
        return 0


def _ignore(connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
    """What a forgotten connection still receives."""

"""Server side of HTTP/1.1 on one accepted socket: requests one by one, or the hand-over of a WebSocket upgrade.

    head -> body -> request(...) -> respond(...) -> head ...      one request at a time, kept alive
    head with `Upgrade: websocket` -> upgrade(transport, bytes)   the protocol is exchanged, this one is done

For the simulated exchange: bodies need a Content-Length; chunked uploads are refused with 411.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, cast

HEAD_BYTES_MAX = 16 << 10
REQUEST_BODY_BYTES_MAX = 1 << 19
IDLE_S = 60.0
PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LINE_END = "\r\n"
METHODS = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True)
class HttpRequest:
    """One request. Header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class HttpOwner(Protocol):
    """Who takes what an HttpConnection reads."""

    def request(self, connection: "HttpConnection", request: HttpRequest) -> None:
        """Take a request; `connection.respond` must follow, now or later."""

    def upgrade(self, transport: asyncio.Transport, received: bytes) -> None:
        """Take the transport over; `received` is all that has been read, the request's head first."""

    def gone(self, connection: "HttpConnection") -> None:
        """The connection is closed."""


class HttpConnection(asyncio.Protocol):
    """One HTTP connection."""

    def __init__(self, owner: HttpOwner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._current: HttpRequest | None = None
        self._reading = False
        self._at_end = False
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; it has IDLE_S to ask something."""
        self._transport = cast(asyncio.Transport, transport)
        self._rest()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone; a request under way has nobody left to answer."""
        self._stop_timer()
        self._transport = None
        self._current = None
        self._owner.gone(self)

    def eof_received(self) -> bool:
        """The client will send no more; the answers that it waits for still go out."""
        self._at_end = True
        return self._current is not None

    def data_received(self, data: bytes) -> None:
        """Collect, and take every request that is complete."""
        self._received += data
        self._take_requests()

    def respond(self, status: int, body: bytes, *, keep_alive: bool = True, retry_after_s: int = 0) -> None:
        """Answer the request under way with JSON. Does nothing where the client is gone."""
        request, self._current = self._current, None
        if self._transport is None:
            return
        keep_alive = keep_alive and request is not None and request.keep_alive
        head = (
            f"HTTP/1.1 {status} {PHRASES.get(status, 'Unknown')}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{f'Retry-After: {retry_after_s}{_LINE_END}' if retry_after_s else ''}"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        if not keep_alive:
            self.close()
            return
        self._rest()
        if not self._reading:
            # Not from here: an answer comes from within the stage's own turn, which no request may enter again.
            asyncio.get_running_loop().call_soon(self._take_requests)

    def close(self) -> None:
        """Flush and close."""
        if self._transport is not None:
            self._transport.close()

    def _take_requests(self) -> None:
        """Take request after request until one waits for its answer or is not complete."""
        self._reading = True
        try:
            while self._current is None and self._received and self._transport is not None:
                if self._transport.is_closing() or not self._take_one():
                    return
        finally:
            self._reading = False
            if self._at_end and self._current is None:
                self.close()

    def _take_one(self) -> bool:
        """Take the first request of what was received; whether it was complete."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_BYTES_MAX:
            if len(self._received) > HEAD_BYTES_MAX:
                self._refuse(431, "head over 16 KiB")
            return False
        try:
            method, target, version, headers = parse_head(bytes(self._received[:end]))
        except ValueError:
            self._refuse(400, "no HTTP request")
            return False
        if method == "GET" and headers.get("upgrade", "").lower() == "websocket":
            self._hand_over()
            return False
        length = headers.get("content-length", "0")
        if method not in METHODS:
            self._refuse(405, "method not allowed")
        elif "transfer-encoding" in headers:
            self._refuse(411, "a Content-Length is needed")
        elif not (length.isdecimal() and len(length) < 10):
            self._refuse(400, "no Content-Length")
        elif int(length) > REQUEST_BODY_BYTES_MAX:
            self._refuse(413, "body over 512 KiB")
        elif len(self._received) >= end + 4 + int(length):
            stop = end + 4 + int(length)
            body = bytes(self._received[end + 4 : stop])
            del self._received[:stop]
            keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
            self._current = HttpRequest(method, target, headers, body, keep_alive)
            self._stop_timer()
            self._owner.request(self, self._current)
            return True
        return False

    def _hand_over(self) -> None:
        transport, self._transport = self._transport, None
        assert transport is not None
        self._stop_timer()
        received, self._received = bytes(self._received), bytearray()
        self._owner.gone(self)
        self._owner.upgrade(transport, received)

    def _refuse(self, status: int, reason: str) -> None:
        self._received.clear()
        self.respond(status, f'{{"code":-1000,"msg":"{reason}"}}'.encode(), keep_alive=False)

    def _rest(self) -> None:
        self._stop_timer()
        self._idle_timer = asyncio.get_running_loop().call_later(IDLE_S, self.close)

    def _stop_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


def parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Split a request's head into (method, target, version, headers by lower-case name). Raises ValueError."""
    lines = head.decode("ascii").split("\r\n")
    method, target, version = lines[0].split(" ")
    if not (target.startswith("/") and version.startswith("HTTP/1.")):
        raise ValueError("request line")
    headers = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if not separator:
            raise ValueError("header line")
        headers[name.strip().lower()] = value.strip()
    return method, target, version, headers

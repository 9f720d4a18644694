"""REST requests of a client, one at a time, over one kept-alive aiohttp session.

A request is `METHOD SP target LF name: value LF ... LF LF body`; the reply comes to the sink as RESPONSE with the HTTP
status, 1,000 times the seconds of a Retry-After added, and the body. Status 0 with an empty body means unknown: no
answer in time, a broken one, or one over the cap.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from procs.transport import BODY_BYTES_MAX, RETRY_AFTER_UNIT, WireSink
from trader.enums import WireKind

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S = 5.0
CHUNK_BYTES = 1 << 16

Sign = Callable[[str], tuple[str, dict[str, str]]]


def preload() -> None:
    """Import aiohttp now (0.2 s). A server that forks the stages may do so once for all of them."""
    import aiohttp  # noqa: F401


class RestClient:
    """Requests to one base URL. `sign` turns a target into a signed one with its headers."""

    def __init__(self, sink: WireSink, base_url: str, sign: Sign) -> None:
        self._sink = sink
        self._base_url = base_url
        self._sign = sign
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Lock()

    async def request(self, request: bytes, *, signed: bool) -> None:
        """Send one request and deliver its RESPONSE. Requests wait for each other, so replies keep their order."""
        async with self._turn:
            status, body = await self._exchange(request, signed)
        self._sink.frame(0, int(WireKind.RESPONSE), status, body)

    async def _exchange(self, request: bytes, signed: bool) -> tuple[int, bytes]:
        import aiohttp  # processes without REST do not pay for it
        from yarl import URL

        method, target, headers, body = parse_request(request)
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=True)
        if signed:
            target, key_header = self._sign(target)
            headers |= key_header
        url = URL(self._base_url + target, encoded=True)
        try:
            async with self._session.request(
                method, url, headers=headers, data=body or None, allow_redirects=False
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    content += chunk
                    if len(content) > BODY_BYTES_MAX:
                        response.close()
                        return 0, b""
                return response.status + RETRY_AFTER_UNIT * _retry_after_s(response.headers), bytes(content)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, b""

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _retry_after_s(headers: Mapping[str, str]) -> int:
    """Seconds of a Retry-After header, 0 without one, at most a day; a date is not used by any venue."""
    text = headers.get("Retry-After", "")
    return min(int(text), 86_400) if text.isascii() and text.isdecimal() else 0


def parse_request(request: bytes) -> tuple[str, str, dict[str, str], bytes]:
    """Split a request into (method, target, headers, body). Raises ValueError on another form."""
    head, _, body = request.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    method, separator, target = lines[0].partition(" ")
    if not (separator and method.isalpha() and target.startswith("/")):
        raise ValueError(f"request: found {lines[0][:60]!r}, allowed `METHOD /path`")
    headers = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if not separator:
            raise ValueError(f"request header: found {line[:60]!r}, allowed `name: value`")
        headers[name.strip()] = value.strip()
    return method, target, headers, body

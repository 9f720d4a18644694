"""Hands an accepted HTTP socket over to picows, so that WebSocket and REST share one port.

picows serves WebSocket alone; what its own server does with a fresh socket is done here with one whose first bytes
have been read already. The only place that touches a part of picows that is not public: `WSProtocol`.
"""

import asyncio
import logging
from collections.abc import Callable

from picows import WSAutoPingStrategy, WSListener, WSUpgradeRequest
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from procs.transport import FRAME_BYTES_MAX

HANDSHAKE_S = 5
READ_BUFFER_BYTES = 16 << 10

_LOGGER = logging.getLogger("picows.server")


def hand_over(
    transport: asyncio.Transport, received: bytes, accept: Callable[[WSUpgradeRequest], WSListener | None]
) -> None:
    """Make `transport` a WebSocket; `received` is all that came, the head of the upgrade request first.

    `accept` gives the listener of the new connection, or None for 404.
    """
    protocol = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=accept,
        logger=_LOGGER,
        disconnect_on_exception=True,
        websocket_handshake_timeout=HANDSHAKE_S,
        enable_auto_ping=False,
        auto_ping_idle_timeout=20,
        auto_ping_reply_timeout=20,
        auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=True,
        max_frame_size=FRAME_BYTES_MAX,
        extra_headers=None,
        read_buffer_init_size=READ_BUFFER_BYTES,
    )
    transport.pause_reading()  # reading restarts in the other protocol's manner: buffered
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    rest = memoryview(received)
    while rest and not transport.is_closing():
        room = protocol.get_buffer(-1)
        count = min(len(room), len(rest))
        room[:count] = rest[:count]
        protocol.buffer_updated(count)
        rest = rest[count:]
    if not transport.is_closing():
        transport.resume_reading()

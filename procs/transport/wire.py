"""One WebSocket connection: whole text messages in, frames out, one loss at the end. Base of both sides' connections.

    on_ws_connected -> frames ... -> on_ws_disconnected
                         |
                         +-> queue(connection_id, FRAME, 0, payload):   more of the same read follows
                         +-> deliver(connection_id, FRAME, 0, payload): the sink's `frame`, or the logon's own handler

picows hands over each frame where it lies in its read buffer; only fragmented messages are copied together. Frames that
were written elsewhere (procs.transport.framing) leave by `write`, many in one call of the kernel.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import cast

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from procs.transport import FRAME_BYTES_MAX, WireStatus
from trader.enums import WireKind

TEXT, BINARY, CONTINUATION, CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION, WSMsgType.CLOSE
FRAME = int(WireKind.FRAME)
LINGER_S = 1.0
"""How long a closing connection may take to flush what was written before it."""

logging.getLogger("picows").addHandler(logging.NullHandler())

Deliver = Callable[[int, int, int, bytes | memoryview], None]


class Wire(WSListener):
    """Frames of one connection. `deliver` and `queue` may be exchanged at any time, as a logon does."""

    def __init__(self, connection_id: int, deliver: Deliver) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.deliver = deliver
        self.queue = deliver
        self.ws: WSTransport | None = None
        self._descriptor = -1
        self._fragments: bytearray | None = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Deliver one message. What the sink raises goes to the event loop's exception handler."""
        try:
            if transport.is_close_frame_sent:
                return  # nothing is heard after a refusal, and of a frame too big not even its body
            if frame.msg_type is TEXT and frame.fin:
                take = self.deliver if frame.last_in_buffer else self.queue
                take(self.connection_id, FRAME, 0, frame.get_payload_as_memoryview())
            else:
                self._take_rare_frame(transport, frame)
        except Exception as error:
            self.fail(error)

    def _take_rare_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Fragments, binary messages and the peer's close."""
        if frame.msg_type is CLOSE:
            transport.send_close(frame.get_close_code() or WSCloseCode.OK)
            self.disconnect()
        elif frame.msg_type is BINARY and frame.fin:
            self.deliver(self.connection_id, FRAME, 0, frame.get_payload_as_memoryview())
        elif frame.msg_type is TEXT or frame.msg_type is BINARY:
            self._fragments = bytearray(frame.get_payload_as_memoryview())
        elif frame.msg_type is CONTINUATION and self._fragments is not None:
            self._fragments += frame.get_payload_as_memoryview()
            if len(self._fragments) > FRAME_BYTES_MAX:
                self._fragments = None
                self.close(WSCloseCode.MESSAGE_TOO_BIG)
            elif frame.fin:
                whole, self._fragments = bytes(self._fragments), None
                self.deliver(self.connection_id, FRAME, 0, whole)

    def write(self, frames: memoryview) -> None:
        """Send whole frames at once, as far as the kernel takes them; the rest waits in the transport, copied."""
        ws = self.ws
        if ws is None or ws.is_close_frame_sent or ws.is_disconnected:
            return
        transport, sent = ws.underlying_transport, 0
        if not transport.get_write_buffer_size():
            if self._descriptor < 0:
                self._descriptor = transport.get_extra_info("socket").fileno()
            try:
                sent = os.write(self._descriptor, frames)
            except OSError:
                sent = 0  # full, or broken: the transport finds out and does what is to be done
        if sent < len(frames):
            transport.write(bytes(frames[sent:]))

    def fail(self, error: BaseException) -> None:
        """Report what the sink raised, and close."""
        context = {"message": f"connection {self.connection_id}: the stage failed on what it received"}
        asyncio.get_running_loop().call_exception_handler({**context, "exception": error})
        self.close(WSCloseCode.INTERNAL_ERROR)

    def close(self, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Say goodbye and disconnect; on_ws_disconnected follows."""
        if self.ws is not None and not self.ws.is_disconnected:
            self.ws.send_close(code)
            self.disconnect()

    def disconnect(self) -> None:
        """Flush for at most LINGER_S, then disconnect."""
        if self.ws is not None and not self.ws.is_disconnected:
            self.ws.disconnect()
            if self.ws.underlying_transport.get_write_buffer_size():
                asyncio.get_running_loop().call_later(LINGER_S, self.ws.disconnect, False)

    def close_status(self) -> int:
        """Why the connection ended: the close code of whoever closed first, ABNORMAL where nobody said."""
        handshake = self.ws.close_handshake if self.ws is not None else None
        if handshake is None:
            return int(WireStatus.ABNORMAL)
        first = handshake.recv if handshake.recv_then_sent else handshake.sent
        if first is None:
            return int(WireStatus.ABNORMAL)
        return int(cast(int, first.code)) or int(WireStatus.NORMAL)

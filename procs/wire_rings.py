"""Between a stage and the sockets in its own process: events into its wire inbox, actions out of its wire outbox.

    transport --frame()--> push --> <stage>_wire_in  --> step
    transport <--act()---- next <-- <stage>_wire_out <-- step

`push` stamps the frame at once: its origin is the moment of receipt, and every latency is measured from there.
"""

from typing import Any

import numpy as np
from numba import types
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic

from procs.topology import Link
from shm.clock import read_clock
from shm.codec import body_bytes, decode, encode, record_dtype, tag_of_record
from shm.histogram import record as record_latency
from shm.kernel import kernel, load_i64, new_record
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, LENGTH_MASK, frame_bytes_max
from shm.ring import READER, WRITER, advance, claim, commit, open_reader, open_writer, poll, release
from trader.messages import WireIn, WireOut

WIRE_WRITER = np.dtype([("ring", WRITER), ("message", record_dtype(WireIn)), ("clock", "i8")], align=True)
WIRE_READER = np.dtype([("ring", READER), ("message", record_dtype(WireOut)), ("clock", "i8")], align=True)


@intrinsic
def buffer_address(typingctx: Any, buffer: Any) -> Any:
    """buffer_address(bytes or memoryview or array) -> address of its first byte."""
    if not isinstance(buffer, types.Buffer):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(buffer)(context, builder, arguments[0])
        address = builder.ptrtoint(array.data, context.get_value_type(types.int64))
        return impl_ret_untracked(context, builder, signature.return_type, address)

    return types.int64(buffer), generate


@kernel
def _push(writer, connection_id, kind, status, payload, length):
    """Write one WireIn; 0 when the inbox has no room."""
    message = writer.message
    message.connection_id = connection_id
    message.kind = kind
    message.status = status
    message.payload_address = buffer_address(payload)
    message.payload_length = length
    frame_bytes = FRAME_HEADER_BYTES + body_bytes(message)
    frame = claim(writer.ring, frame_bytes)
    if frame == 0:
        return 0
    encode(message, frame + FRAME_HEADER_BYTES)
    now_ns = read_clock(writer.clock)
    commit(writer.ring, tag_of_record(message), frame_bytes, now_ns, now_ns)
    return 1


@kernel
def _next(reader):
    """(connection, kind, status, delay_ns, payload address, payload length, origin_ns); connection -1 for none."""
    frame = poll(reader.ring)
    if frame == 0:
        return -1, 0, 0, 0, 0, 0, 0
    message = reader.message
    decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, message)
    advance(reader.ring, frame)
    return (
        message.connection_id,
        message.kind,
        message.status,
        message.delay_ns,
        message.payload_address,
        message.payload_length,
        load_i64(frame + FRAME_ORIGIN),
    )


@kernel
def _release(reader):
    release(reader.ring)


@kernel
def stamp(histogram, clock, origin_ns):
    record_latency(histogram, read_clock(clock) - origin_ns)


class WireInbox:
    """The transport's end of a `<stage>_wire_in` ring."""

    def __init__(self, link: Link, address: int, clock: int) -> None:
        self._writer = new_record(WIRE_WRITER)
        self._row = self._writer[0]
        self._row["clock"] = clock
        open_writer(self._row["ring"], address)
        self.payload_bytes_max = frame_bytes_max(link.capacity_bytes) - 128

    def push(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> bool:
        """Hand one event to the stage; False when its inbox has no room now."""
        return bool(_push(self._row, connection_id, kind, status, payload, len(payload)))


class WireOutbox:
    """The transport's end of a `<stage>_wire_out` ring. `content` is the ring's memory."""

    def __init__(self, address: int, content: np.ndarray, clock: int) -> None:
        self._reader = new_record(WIRE_READER)
        self._row = self._reader[0]
        self._clock = clock
        self._base = content.ctypes.data
        self._bytes = memoryview(content)  # type: ignore[arg-type]
        open_reader(self._row["ring"], address, 0, 0)

    def drain(self, act: Any, order_histogram: int = 0, order_status: int = -1) -> int:
        """Give every waiting action to `act`; return how many.

        Actions of status `order_status` are orders: their time since receipt goes to the histogram at
        `order_histogram` once `act` has handed them to the socket.
        """
        count = 0
        while True:
            connection_id, kind, status, delay_ns, address, length, origin_ns = _next(self._row)
            if connection_id < 0:
                break
            start = address - self._base
            act(connection_id, kind, status, delay_ns, self._bytes[start : start + length])
            if status == order_status and order_histogram:
                stamp(order_histogram, self._clock, origin_ns)
            count += 1
        if count:
            _release(self._row)
        return count

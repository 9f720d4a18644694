"""Between a stage and the sockets in its own process: events into its wire inbox, actions out of its wire outbox.

    transport --frame()--> push ----> <stage>_wire_in  --> step
    transport <--send()--- gather <-- <stage>_wire_out <-- step      frames of one connection, back to back
    transport <--act()---- gather <--       "                        anything else, one by one

`push` stamps the frame at once: its origin is the moment of receipt, and every latency is measured from there. What
Python hands to compiled code is addresses: a record would take longer to pass than all that is done with it.
"""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic

from procs.topology import Link
from procs.transport.framing import HEADER_BYTES_MAX, SPARE_BYTES, frame_bytes, mask_of, write_frame
from shm.clock import read_clock
from shm.codec import body_bytes, decode, encode, record_dtype, tag_of_record
from shm.histogram import record as record_latency
from shm.kernel import address_of_array, inlined, kernel, load_i64, new_record, view
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, LENGTH_MASK, frame_bytes_max
from shm.ring import READER, WRITER, advance, claim, commit, open_reader, open_writer, poll, release
from trader.enums import WireKind
from trader.messages import WireIn, WireOut
from trader.router.records import ORDER_STATUS

if TYPE_CHECKING:
    from procs.transport import Transport

GATHERED_BYTES = 64 << 10
"""Frames of one write. A larger one goes alone, by `act`."""

ORDERS_MAX = 128
"""New orders of one write."""

WIRE_WRITER = np.dtype([("ring", WRITER), ("message", record_dtype(WireIn)), ("clock", "i8")], align=True)
WIRE_READER = np.dtype(
    [
        ("ring", READER),
        ("message", record_dtype(WireOut)),
        ("clock", "i8"),
        ("masked", "i8"),
        ("mask_counter", "i8"),
        ("buffer", "i8"),
        ("read", "i8"),  # whether anything is to be given back
        ("histogram", "i8"),
        ("order_count", "i8"),
        ("origins", "i8", (ORDERS_MAX,)),
    ],
    align=True,
)
"""`masked`: 1 for a client's frames; `buffer`: where frames are gathered; `histogram`: where the times of new orders
go, 0: nowhere; `origins`: of the `order_count` orders that were gathered and have not been counted yet."""

NOTHING, FRAMES, ACTION = range(3)
_FRAME = np.int64(WireKind.FRAME)


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
def push(inbox, connection_id, kind, status, payload, length):
    """Write one WireIn into the inbox of a WIRE_WRITER's address; 0 when it has no room."""
    writer = view(inbox, WIRE_WRITER)
    message = writer.message
    message.connection_id = connection_id
    message.kind = kind
    message.status = status
    message.payload_address = buffer_address(payload)
    message.payload_length = length
    size = FRAME_HEADER_BYTES + body_bytes(message)
    frame = claim(writer.ring, size)
    if frame == 0:
        return 0
    encode(message, frame + FRAME_HEADER_BYTES)
    now_ns = read_clock(writer.clock)
    commit(writer.ring, tag_of_record(message), size, now_ns, now_ns)
    return 1


@inlined
def has_action(outbox):
    """Whether an action waits in the outbox of a WIRE_READER's address."""
    return poll(view(outbox, WIRE_READER).ring) != 0


@inlined
def _look(reader):
    """The next action into the reader's message; its frame, or 0."""
    frame = poll(reader.ring)
    if frame != 0:
        decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, reader.message)
    return frame


@inlined
def _may_gather(reader, used):
    """Whether the message in hand is a frame that leaves now and has room behind those that were gathered."""
    message = reader.message
    if message.kind != _FRAME or message.delay_ns > 0:
        return False
    size = frame_bytes(message.payload_length, reader.masked) + SPARE_BYTES
    return used + size <= GATHERED_BYTES and reader.order_count < ORDERS_MAX


@kernel
def gather(outbox):
    """(FRAMES, connection, bytes in the buffer, frames), (ACTION, connection, kind, status, delay_ns, payload address,
    length) or NOTHING, always of seven.

    What the call before gave has been handed over: its room is given back, and its orders' times are counted.
    """
    reader = view(outbox, WIRE_READER)
    if reader.order_count:
        now_ns = read_clock(reader.clock)
        for index in range(reader.order_count):
            if reader.histogram != 0:
                record_latency(reader.histogram, now_ns - reader.origins[index])
        reader.order_count = 0
    message = reader.message
    frame = _look(reader)
    if frame == 0:
        if reader.read:
            reader.read = 0
            release(reader.ring)
        return NOTHING, 0, 0, 0, 0, 0, 0
    reader.read = 1
    connection_id = message.connection_id
    if not _may_gather(reader, 0):
        release(reader.ring)  # up to this frame, which stays until the next call
        advance(reader.ring, frame)
        place, length = message.payload_address, message.payload_length
        return ACTION, connection_id, message.kind, message.status, message.delay_ns, place, length
    end, count = reader.buffer, 0
    while True:
        reader.mask_counter += 1
        mask = mask_of(reader.mask_counter)
        end = write_frame(end, message.payload_address, message.payload_length, reader.masked, mask)
        count += 1
        if message.status == ORDER_STATUS:
            reader.origins[reader.order_count] = load_i64(frame + FRAME_ORIGIN)
            reader.order_count += 1
        advance(reader.ring, frame)
        frame = _look(reader)
        if frame == 0 or message.connection_id != connection_id or not _may_gather(reader, end - reader.buffer):
            break
    return FRAMES, connection_id, end - reader.buffer, count, 0, 0, 0


class WireInbox:
    """The transport's end of a `<stage>_wire_in` ring. `address`: of its WIRE_WRITER."""

    def __init__(self, link: Link, address: int, clock: int) -> None:
        self._writer = new_record(WIRE_WRITER)
        self._writer[0]["clock"] = clock
        self.address = address_of_array(self._writer)
        open_writer(self._writer[0]["ring"], address)
        self.payload_bytes_max = frame_bytes_max(link.capacity_bytes) - 128

    def push(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> bool:
        """Hand one event to the stage; False when its inbox has no room now."""
        return bool(push(self.address, connection_id, kind, status, payload, len(payload)))


class WireOutbox:
    """The transport's end of a `<stage>_wire_out` ring. `content`: the ring's memory; `address`: of its WIRE_READER."""

    def __init__(
        self, address: int, content: np.ndarray, clock: int, *, is_client: bool, order_histogram: int = 0
    ) -> None:
        """`order_histogram`: address of the HISTOGRAM of the time from receipt until an order was handed over."""
        self._reader = new_record(WIRE_READER)
        row = self._reader[0]
        row["clock"] = clock
        row["masked"] = is_client
        row["mask_counter"] = int.from_bytes(os.urandom(7), "little")
        row["histogram"] = order_histogram
        self._gathered = np.zeros(GATHERED_BYTES + HEADER_BYTES_MAX + SPARE_BYTES, dtype=np.uint8)
        row["buffer"] = address_of_array(self._gathered)
        self.address = address_of_array(self._reader)
        self._frames = memoryview(self._gathered)  # type: ignore[arg-type]
        self._base = content.ctypes.data
        self._bytes = memoryview(content)  # type: ignore[arg-type]
        open_reader(row["ring"], address, 0, 0)

    def drain(self, transport: "Transport") -> int:
        """Give everything that waits to a transport; return in how many calls."""
        calls = 0
        while True:
            what, connection_id, kind, status, delay_ns, place, length = gather(self.address)
            if what == NOTHING:
                return calls
            calls += 1
            if what == FRAMES:
                transport.send(connection_id, self._frames[:kind], status)
            else:
                start = place - self._base
                transport.act(connection_id, kind, status, delay_ns, self._bytes[start : start + length])

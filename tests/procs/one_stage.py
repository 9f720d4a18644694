"""One stage bound to ordinary memory: messages in by hand, messages out as the Structs that they are."""

import ctypes
from typing import Any

import msgspec
import numpy as np

from procs.topology import Full, inboxes, link_named, outboxes
from procs.wiring import bind, memory_links, stage_module
from shm.cancels import CANCEL_READER, open_cancel_reader, take_cancel
from shm.clock import virtual_clock
from shm.codec import body_bytes_fixed, encode, record_dtype
from shm.kernel import address_of_array, kernel, new_record
from shm.layout import FRAME_HEADER_BYTES, LENGTH_MASK, TYPE_SHIFT
from shm.ring import READER, advance, open_reader, poll, release
from shm.slot import SLOT_READER, open_slot_reader, slot_poll, slot_stride
from trader.enums import Command
from trader.instrument import INSTRUMENT
from trader.messages import MESSAGES, CancelRequest, Control, Message, tag_of

FRAME_ROOM_BYTES = 4096


@kernel
def write_body(record, body):
    """Encode a record's message."""
    return encode(record, body)


@kernel
def next_frame(reader):
    """Address of a ring's next frame, or 0."""
    return poll(reader)


@kernel
def past_frame(reader, frame):
    """Give a frame back."""
    advance(reader, frame)
    release(reader)


@kernel
def next_publication(reader):
    """Address of a slot's next unseen frame, or 0."""
    return slot_poll(reader)


def instruments_of(symbols: int) -> np.ndarray:
    """Instruments like BTCUSDT's: 0.10 a tick, 0.001 a lot, 100 USDT at least."""
    rows = np.zeros(symbols, INSTRUMENT)
    rows["symbol_id"] = np.arange(symbols)
    rows["size_lots_min"] = 1
    rows["size_lots_max"] = 10**6
    rows["notional_e8_min"] = 100 * 10**8
    rows["tick_value_e8"] = 10_000
    return rows


class OneStage:
    """A stage alone. `give` hands it a message at a time; `taken` is what came out since the last look."""

    def __init__(self, name: str, config: Any, *, symbols: int = 1, market: int = 0) -> None:
        self.module = stage_module(name)
        self.state = new_record(self.module.STATE)
        links = {link.name: link for link in inboxes(name) + outboxes(name)}
        addresses, self.keep = memory_links(links, symbols=symbols)
        self.clock = virtual_clock(0)
        clock = address_of_array(self.clock)
        self.station = bind(name, addresses, symbols=symbols, state=self.state, clock=clock)
        instruments = instruments_of(symbols)
        instruments["market"] = market
        self.module.start(self.state, config, instruments)
        self.frame = np.zeros(FRAME_ROOM_BYTES // 8, np.int64)
        self.readers = {link: self._reader(link, addresses[link], symbols) for link in self.module.OUTBOXES}
        self.give(Control(Command.START, 0), 0)

    @property
    def row(self) -> np.void:
        """The stage's state."""
        return self.state[0]

    def give(self, message: Message, now_ns: int) -> int:
        """One step; its code."""
        record = new_record(record_dtype(type(message)))
        for field in message.__struct_fields__:
            record[field] = getattr(message, field)
        return self.give_record(tag_of(type(message)), record, now_ns)

    def give_record(self, tag: int, record: np.ndarray, now_ns: int) -> int:
        """One step with a message's record."""
        frame = address_of_array(self.frame)
        self.frame[0] = (tag << TYPE_SHIFT) | (FRAME_HEADER_BYTES + write_body(record[0], frame + FRAME_HEADER_BYTES))
        self.clock[0]["now_ns"] = now_ns
        ports = self.station.address + self.station.duty.dtype.fields["ports"][1]
        return self.module.step(address_of_array(self.state), ports, tag, frame, now_ns)

    def taken(self, link: str) -> list[Any]:
        """Messages that the stage sent on a link since the last call."""
        kind, reader = self.readers[link]
        found: list[Any] = []
        while kind is Full.SET:
            some, order_slot, client_order_id = take_cancel(reader[0])
            if not some:
                return found
            found.append(CancelRequest(0, order_slot, client_order_id))
        while frame := (next_publication if kind is Full.LATEST else next_frame)(reader[0]):
            found.append(decoded(frame))
            if kind is not Full.LATEST:
                past_frame(reader[0], frame)
        return found

    def _reader(self, name: str, address: int, symbols: int) -> tuple[Full, np.ndarray]:
        link = link_named(name)
        if link.when_full is Full.SET:
            reader = new_record(CANCEL_READER)
            open_cancel_reader(reader[0], address, 0)
        elif link.when_full is Full.LATEST:
            reader = new_record(SLOT_READER)
            room = np.zeros(FRAME_ROOM_BYTES // 8, np.int64)
            self.keep.append(room)
            size = FRAME_HEADER_BYTES + body_bytes_fixed(link.carries[0])
            open_slot_reader(reader[0], address, slot_stride(size), symbols, address_of_array(room))
        else:
            reader = new_record(READER)
            open_reader(reader[0], address, 0, 0)
        return link.when_full, reader


def decoded(frame: int) -> Message:
    """The message in a frame."""
    word = int(np.ctypeslib.as_array(_pointer(frame), (8,)).view(np.int64)[0])
    body = bytes(np.ctypeslib.as_array(_pointer(frame), (word & LENGTH_MASK,)))[FRAME_HEADER_BYTES:]
    return msgspec.msgpack.decode(body, type=MESSAGES[(word >> TYPE_SHIFT) - 1])


def _pointer(address: int) -> Any:
    return ctypes.cast(address, ctypes.POINTER(ctypes.c_uint8))

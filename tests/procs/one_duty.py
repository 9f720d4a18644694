"""The relay stage bound as the wiring binds any: messages in by hand, the real duty cycle, messages out."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from procs import topology, wiring
from procs.duty import HOPS
from procs.duty_cycle import run_group
from procs.journal import FORMAT, JournalHeader, JournalWriter
from procs.topology import WIRE, Full, K, Link, M
from shm.cancels import CANCEL_READER, open_cancel_reader, request_cancel, take_cancel
from shm.clock import virtual_clock
from shm.codec import body_bytes, encode, record_dtype, tag_of_record
from shm.control import CONTROL_BYTES, ControlCell
from shm.histogram import HISTOGRAM, HISTOGRAM_BYTES
from shm.kernel import address_of_array, kernel, new_record
from shm.layout import FRAME_HEADER_BYTES
from shm.ring import READER, WRITER, claim, commit, open_reader, open_writer
from shm.slot import SLOT_READER, SLOT_WRITER, open_slot_reader, open_slot_writer, slot_claim, slot_commit, slot_stride
from tests.procs import relay_stage
from tests.procs.one_stage import decoded, next_frame, next_publication, past_frame
from tests.shm.areas import aligned, shared
from trader.messages import BookResync, CancelRequest, Message, Trade, WireIn

SYMBOLS = 4
STAGE = "relay"
LINKS = (
    Link("in_cancels", "supervisor", (STAGE,), (CancelRequest,), 0, Full.SET),
    Link("in_halt", "other", (STAGE,), (Trade,), 64 * K, Full.HALT),
    Link("in_latest", "other", (STAGE,), (BookResync,), K, Full.LATEST),
    Link("in_wait", "other", (STAGE,), (Trade,), 64 * K, Full.WAIT),
    Link("in_drop", "other", (STAGE,), (Trade,), 4 * K, Full.DROP),
    Link("in_wire", WIRE, (STAGE,), (WireIn,), 64 * K, Full.WAIT),
    Link("out_wait", STAGE, ("other",), (Trade,), 4 * K, Full.WAIT),
    Link("out_halt", STAGE, ("third", "other"), (Trade,), 4 * K, Full.HALT),
    Link("out_deny", STAGE, ("other",), (Trade,), 4 * K, Full.DENY),
    Link("out_latest", STAGE, ("other",), (BookResync,), K, Full.LATEST),
    Link("out_cancels", STAGE, ("other",), (CancelRequest,), 0, Full.SET),
)
INBOXES = tuple(link.name for link in topology.inboxes(STAGE, LINKS))
JOURNAL_BYTES = 4 * M
_SLOT_BYTES = slot_stride(wiring.slot_frame_bytes(LINKS[2]))


@pytest.fixture
def relay_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wiring looks at this file's table instead of the system's."""
    monkeypatch.setattr(wiring, "stage_module", lambda name: sys.modules[relay_stage.__name__])
    monkeypatch.setattr(wiring, "inboxes", lambda stage: topology.inboxes(stage, LINKS))
    monkeypatch.setattr(wiring, "outboxes", lambda stage: topology.outboxes(stage, LINKS))
    monkeypatch.setattr(wiring, "link_named", lambda name: {link.name: link for link in LINKS}[name])


@kernel
def push(writer, record, origin_ns, publish_ns):
    """Send a record's message on a ring; 1, or 0 when it has no room."""
    frame_bytes = FRAME_HEADER_BYTES + body_bytes(record)
    frame = claim(writer, frame_bytes)
    if frame == 0:
        return 0
    encode(record, frame + FRAME_HEADER_BYTES)
    commit(writer, tag_of_record(record), frame_bytes, origin_ns, publish_ns)
    return 1


@kernel
def publish(writer, index, record, origin_ns, publish_ns):
    """Publish a record's message in a slot."""
    frame = slot_claim(writer, index)
    encode(record, frame + FRAME_HEADER_BYTES)
    slot_commit(writer, tag_of_record(record), FRAME_HEADER_BYTES + body_bytes(record), origin_ns, publish_ns)


@kernel
def ask_cancel(base, order_slot, client_order_id):
    """Set a bit of a cancel set."""
    return request_cancel(base, order_slot, client_order_id)


def trade(number: int, outbox: int = relay_stage.OUT_WAIT, copies: int = 0, *, slot: int = 0) -> Trade:
    """An order to the relay stage: send copies of this on an outbox."""
    return Trade(0, 0, 0, number, outbox, slot, copies)


def record_of(message: Message, keep: list[Any]) -> np.ndarray:
    """A message's record; what it points to is appended to `keep`."""
    record = new_record(record_dtype(type(message)))
    for field in message.__struct_fields__:
        value = getattr(message, field)
        if isinstance(value, bytes):
            keep.append(np.frombuffer(value or b"\0", np.uint8))
            record[f"{field}_address"], record[f"{field}_length"] = address_of_array(keep[-1]), len(value)
        else:
            record[field] = value
    return record


class OneDuty:
    """The relay stage with its links, clock, control cell and histograms. Needs the `relay_table` fixture."""

    def __init__(self, *, in_shared: bool = False, **options: Any) -> None:
        make = shared if in_shared else aligned
        self.memory = {link.name: make(wiring.link_bytes(link, symbols=SYMBOLS)) for link in LINKS}
        for link in LINKS:
            wiring.format_link(link, self.memory[link.name])
        self.links = {name: address_of_array(content) for name, content in self.memory.items()}
        self.keep: list[Any] = [make(CONTROL_BYTES), make(len(INBOXES) * len(HOPS) * HISTOGRAM_BYTES)]
        self.cell = ControlCell(address_of_array(self.keep[0]))
        self.clock = virtual_clock(1000)
        self.state = new_record(relay_stage.STATE)
        self.station = wiring.bind(
            STAGE, self.links, symbols=SYMBOLS, state=self.state, clock=address_of_array(self.clock),
            control=self.cell.address, latency=address_of_array(self.keep[1]), **options,
        )  # fmt: skip
        self.group = np.array([self.station.address], np.int64)
        self.writers = {name: self._writer(name) for name in INBOXES if name != "in_cancels"}
        self.readers: dict[str, np.ndarray] = {}

    def _writer(self, name: str) -> np.ndarray:
        if name == "in_latest":
            writer = new_record(SLOT_WRITER)
            open_slot_writer(writer[0], self.links[name], _SLOT_BYTES, SYMBOLS)
        else:
            writer = new_record(WRITER)
            open_writer(writer[0], self.links[name])
        return writer

    @property
    def row(self) -> Any:
        """The DUTY record."""
        return self.station.row

    @property
    def ports(self) -> Any:
        """The PORTS record."""
        return self.row["ports"]

    def give(self, link: str, message: Message, *, origin_ns: int = 500, publish_ns: int = 900) -> bool:
        """Send a message on an inbox; whether there was room."""
        record = record_of(message, self.keep)
        if link == "in_latest":
            publish(self.writers[link][0], int(record[0]["symbol_id"]), record[0], origin_ns, publish_ns)
            return True
        return bool(push(self.writers[link][0], record[0], origin_ns, publish_ns))

    def cancel(self, order_slot: int, client_order_id: int) -> None:
        """Set a bit of the cancel inbox."""
        assert ask_cancel(self.links["in_cancels"], order_slot, client_order_id)

    def run(self, rounds: int = 1000, *, now_ns: int = 0) -> int:
        """The duty cycle until nothing moves, or for some rounds; how many messages were taken."""
        if now_ns:
            self.clock[0]["now_ns"] = now_ns
        return run_group(address_of_array(self.group), 1, rounds)

    def notes(self) -> list[tuple[int, int]]:
        """(type, value) of everything that the step has seen, in order."""
        count = int(self.state[0]["count"])
        return list(zip(self.state[0]["types"][:count].tolist(), self.state[0]["values"][:count].tolist(), strict=True))

    def taken(self, link: str, limit: int = 1 << 30) -> list[Any]:
        """Messages that came out on a link since the last call."""
        reader = self.readers.get(link)
        if reader is None:
            reader = self.readers[link] = self._reader(link)
        found: list[Any] = []
        while len(found) < limit:
            if link == "out_cancels":
                some, order_slot, client_order_id = take_cancel(reader[0])
                if not some:
                    break
                found.append((order_slot, client_order_id))
                continue
            frame = (next_publication if link == "out_latest" else next_frame)(reader[0])
            if not frame:
                break
            found.append(decoded(frame))
            if link != "out_latest":
                past_frame(reader[0], frame)
        return found

    def _reader(self, link: str) -> np.ndarray:
        if link == "out_cancels":
            reader = new_record(CANCEL_READER)
            open_cancel_reader(reader[0], self.links[link], 0)
        elif link == "out_latest":
            reader = new_record(SLOT_READER)
            self.keep.append(aligned(_SLOT_BYTES))
            open_slot_reader(reader[0], self.links[link], _SLOT_BYTES, SYMBOLS, address_of_array(self.keep[-1]))
        else:
            reader = new_record(READER)
            consumer = 1 if link == "out_halt" else 0
            open_reader(reader[0], self.links[link], consumer, 0)
        return reader

    def histogram(self, link: str, hop: str) -> Any:
        """One histogram."""
        at = (INBOXES.index(link) * len(HOPS) + HOPS.index(hop)) * HISTOGRAM_BYTES
        return self.keep[1][at : at + HISTOGRAM_BYTES].view(HISTOGRAM)[0]

    def journal_into(self, folder: Path, *, bytes_max: int = JOURNAL_BYTES) -> JournalWriter:
        """Begin a journal."""
        header = JournalHeader(
            format=FORMAT, run="run", stage=STAGE, generation=1, index=0, state_bytes=self.state.nbytes, schema="0",
            target="here", symbols=SYMBOLS, batch_max=int(self.row["batch_max"]), inboxes=list(INBOXES),
            outboxes=list(relay_stage.OUTBOXES), config="0",
        )  # fmt: skip
        writer = JournalWriter(folder, header, self.ports["journal"], self.state, bytes_max=bytes_max)
        assert writer.rotate(int(self.clock[0]["now_ns"]))
        return writer

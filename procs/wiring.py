"""From the table to memory: how large each link is, and a stage's DUTY record bound to it.

Used by every placement alike: separate processes bind to shared segments, replays and tests to ordinary
memory. A Station holds a stage's record and everything whose address it contains.
"""

import ctypes
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from procs.duty import BATCH_MAX, DUTY, HOPS
from procs.ports import CANCELS, RING, SLOTS
from procs.topology import WIRE, Full, Link, inboxes, is_rung, link_named, outboxes
from shm.cancels import CANCELS_BYTES, open_cancel_reader
from shm.codec import body_bytes_fixed
from shm.control import DOORBELL, store_word
from shm.histogram import HISTOGRAM_BYTES
from shm.kernel import address_of_array, kernel, new_record
from shm.layout import (
    FRAME_HEADER_BYTES,
    LENGTH_MASK,
    RING_HEAD_MISSED,
    SLOT_FRAME,
    WORD_SPACING_BYTES,
    frame_bytes_max,
)
from shm.ring import format_ring, open_reader, open_writer, poll, ring_bytes, room_ever
from shm.slot import open_slot_reader, open_slot_writer, slot_stride, slots_bytes

CREDIT_BYTES = 4096
"""What a step may write to one outbox, unless its stage file's CREDIT says more."""


PAGE_BYTES = 4096
MAPPED_BYTES_MAX = 8 << 20
"""Links in ordinary memory up to this size are touched before they are used, unless all are; larger ones carry what
sockets bring."""


@dataclass
class Station:
    """One stage bound to memory. `duty`: its record; `keep`: what must outlive it."""

    name: str
    duty: np.ndarray
    state: np.ndarray
    module: ModuleType
    keep: list[Any] = field(default_factory=list)

    @property
    def address(self) -> int:
        """Address of the DUTY record."""
        return address_of_array(self.duty)

    @property
    def row(self) -> Any:
        """The DUTY record."""
        return self.duty[0]


def stage_module(name: str) -> ModuleType:
    """The stage's file: STATE, OUTBOXES, step, start."""
    return importlib.import_module(f"procs.stages.{name}")


def link_bytes(link: Link, *, symbols: int) -> int:
    """Bytes of memory that a link takes."""
    if link.when_full is Full.SET:
        return CANCELS_BYTES
    if link.when_full is Full.LATEST:
        return slots_bytes(symbols, slot_frame_bytes(link))
    return ring_bytes(link.capacity_bytes)


def format_link(link: Link, content: np.ndarray) -> None:
    """Prepare a link's zeroed memory."""
    if link.when_full not in (Full.SET, Full.LATEST):
        lossy = tuple(index for index, consumer in enumerate(link.consumers) if consumer in link.lossy)
        format_ring(content, link.capacity_bytes, consumers=len(link.consumers), lossy=lossy)


def slot_frame_bytes(link: Link) -> int:
    """The most that a LATEST link's frames take, header included."""
    return FRAME_HEADER_BYTES + body_bytes_fixed(link.carries[0])


def last_frame(content: np.ndarray, frame_bytes: int, index: int) -> bytes:
    """The body that a slot holds, of links that nobody writes now; empty where there is none that is whole."""
    at = WORD_SPACING_BYTES + index * slot_stride(frame_bytes)
    version = int(content[at : at + 8].view(np.int64)[0])
    frame = at + SLOT_FRAME
    length = int(content[frame : frame + 8].view(np.int64)[0]) & LENGTH_MASK
    if version & 1 or not FRAME_HEADER_BYTES < length <= frame_bytes:
        return b""
    return content[frame + FRAME_HEADER_BYTES : frame + length].tobytes()


def latency_bytes(stage: str) -> int:
    """Bytes of a stage's histograms: one set of HOPS for each inbox."""
    return len(inboxes(stage)) * len(HOPS) * HISTOGRAM_BYTES


def histogram_offset(stage: str, link: str, hop: str) -> int:
    """Where one histogram stands in a stage's latency memory."""
    index = [inbox.name for inbox in inboxes(stage)].index(link)
    return (index * len(HOPS) + HOPS.index(hop)) * HISTOGRAM_BYTES


def bind(
    stage: str,
    links: Mapping[str, int],
    *,
    symbols: int,
    state: np.ndarray,
    clock: int,
    control: int = 0,
    latency: int = 0,
    doorbell_of: Callable[[str], int] = lambda stage: 0,
    batch_max: int = BATCH_MAX,
) -> Station:
    """A stage's DUTY record over the links' addresses. `control`, `latency` 0: none is kept.

    `doorbell_of`: address of the doorbell of the process that a stage lives in; 0 = it never sleeps. Stages with the
    same one take turns on one thread. Raises ValueError where the stage's file and the table disagree.
    """
    module = stage_module(stage)
    station = Station(stage, new_record(DUTY), state, module)
    row = station.row
    row["entry"] = module.step.address
    row["state"] = address_of_array(state)
    row["clock"] = row["ports"]["clock"] = clock
    row["control"] = row["ports"]["control"] = control
    row["timer_ns"] = getattr(module, "TIMER_NS", 0)
    row["batch_max"] = batch_max
    own_doorbell = doorbell_of(stage)
    for index, link in enumerate(inboxes(stage)):
        of_a_stage = link.when_full is not Full.SET and link.producer != WIRE
        in_place = of_a_stage and doorbell_of(link.producer) == own_doorbell
        _bind_inbox(station, index, link, links[link.name], symbols, latency, in_place)
    row["inbox_count"] = len(inboxes(stage))
    names = [link.name for link in outboxes(stage)]
    if sorted(names) != sorted(module.OUTBOXES):
        raise ValueError(f"stage {stage}: OUTBOXES {sorted(module.OUTBOXES)}, the topology has {sorted(names)}")
    for index, name in enumerate(module.OUTBOXES):
        link = link_named(name)
        rung = [consumer for consumer in link.consumers if consumer != WIRE and is_rung(consumer)]
        sleepers = {doorbell_of(consumer) for consumer in rung}
        _bind_outbox(station, index, link, links[name], symbols, sorted(sleepers - {0, own_doorbell}))
    row["ports"]["outbox_count"] = len(names)
    return station


def rebind_inbox(station: Station, link: Link, address: int) -> None:
    """Read a link's newest generation from now on; the old one must have been taken to its end."""
    index = inboxes(station.name).index(link)
    box = station.row["inboxes"][index]
    station.row["watches"][index]["address"] = 0
    if link.when_full is Full.SET:
        open_cancel_reader(box["cancels"], address, 0)
    elif link.when_full is Full.LATEST:
        # The same publications with the same versions: what was seen is not seen again, however old it is.
        box["slot"]["base"] = address
        box["slot"]["publications"] = -1
        box["slot"]["next"] = box["slot"]["slots"]
    else:
        open_reader(box["ring"], address, link.consumers.index(station.name), int(box["ring"]["buffer"]))
        store_word(int(box["ring"]["head"]) + RING_HEAD_MISSED, int(box["missed"]))


def is_taken(station: Station, link: Link) -> bool:
    """Whether nothing is left in the ring that a stage reads; slots and cancel sets have no end."""
    box = station.row["inboxes"][inboxes(station.name).index(link)]
    return int(box["kind"]) != RING or not has_frame(box["ring"])


def rebind_outbox(station: Station, link: Link, address: int) -> None:
    """Write a link's newest generation from now on, with what its slots held."""
    box = station.row["ports"]["outboxes"][station.module.OUTBOXES.index(link.name)]
    if link.when_full is Full.SET:
        box["cancels"] = address
    elif link.when_full is Full.LATEST:
        slots, stride = int(box["slot"]["slots"]), int(box["slot"]["stride"])
        ctypes.memmove(address, int(box["slot"]["base"]), slots_bytes(slots, slot_frame_bytes(link)))
        open_slot_writer(box["slot"], address, stride, slots)
    else:
        open_writer(box["ring"], address)


@kernel
def has_frame(ring):
    """Whether a READER has a frame before it."""
    return poll(ring) != 0


def _bind_inbox(
    station: Station, index: int, link: Link, address: int, symbols: int, latency: int, in_place: bool
) -> None:
    """`in_place`: writer and reader take turns on one thread, so nothing is copied or handed over between cores."""
    box = station.row["inboxes"][index]
    box["recorded"] = link.producer == WIRE
    box["histograms"] = latency + index * len(HOPS) * HISTOGRAM_BYTES if latency else 0
    if link.when_full is Full.SET:
        box["kind"] = CANCELS
        open_cancel_reader(box["cancels"], address, 0)
    elif link.when_full is Full.LATEST:
        box["kind"] = SLOTS
        buffer = 0 if in_place else _room(station, slot_frame_bytes(link) + 128)
        open_slot_reader(box["slot"], address, slot_stride(slot_frame_bytes(link)), symbols, buffer)
    else:
        box["kind"] = RING
        lossy = station.name in link.lossy
        buffer = _room(station, frame_bytes_max(link.capacity_bytes)) if lossy else 0
        open_reader(box["ring"], address, link.consumers.index(station.name), buffer)
        box["ring"]["sole"] &= not in_place


def _bind_outbox(station: Station, index: int, link: Link, address: int, symbols: int, sleepers: list[int]) -> None:
    ports = station.row["ports"]
    box = ports["outboxes"][index]
    box["policy"] = link.when_full.value
    if link.when_full in (Full.WAIT, Full.HALT):
        ports["gated"][ports["gated_count"]] = index
        ports["gated_count"] += 1
    box["credit_bytes"] = getattr(station.module, "CREDIT", {}).get(link.name, CREDIT_BYTES)
    box["doorbells"][: len(sleepers)] = sleepers
    box["doorbell_count"] = len(sleepers)
    ports["rung"] |= bool(sleepers) << index
    if link.when_full is Full.SET:
        box["kind"] = CANCELS
        box["cancels"] = address
    elif link.when_full is Full.LATEST:
        box["kind"] = SLOTS
        open_slot_writer(box["slot"], address, slot_stride(slot_frame_bytes(link)), symbols)
    else:
        box["kind"] = RING
        open_writer(box["ring"], address)
        if link.when_full in (Full.WAIT, Full.HALT) and not room_ever(link.capacity_bytes, int(box["credit_bytes"])):
            raise ValueError(
                f"stage {station.name}: a step may write {box['credit_bytes']} bytes to {link.name}, which never has"
                f" room for that in {link.capacity_bytes}"
            )


def _room(station: Station, size: int) -> int:
    room = np.zeros(size + 64, dtype=np.uint8)
    station.keep.append(room)
    return (room.ctypes.data + 63) & ~63


def doorbell_address(cell: int) -> int:
    """A process's doorbell word, in the control cell of its first stage."""
    return cell + DOORBELL


def memory_links(
    names: Mapping[str, Link], *, symbols: int, mapped: bool = False
) -> tuple[dict[str, int], list[np.ndarray]]:
    """Links in ordinary memory, for one process: addresses by name, and the arrays to keep alive.

    `mapped`: touch all of them now, not only those up to MAPPED_BYTES_MAX.
    """
    addresses, keep = {}, []
    for name, link in names.items():
        size = link_bytes(link, symbols=symbols)
        raw = np.zeros(size + 128, dtype=np.uint8)
        offset = -raw.ctypes.data % 128
        content = raw[offset : offset + size]
        if mapped or size <= MAPPED_BYTES_MAX:
            raw[::PAGE_BYTES] = 0  # now, and not when a message is in hand
        format_link(link, content)
        addresses[name] = content.ctypes.data
        keep.append(raw)
    return addresses, keep

"""Links of which an end has died: who lives goes over to fresh segments and loses nothing, the dead touch nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from procs.ports import send
from procs.rewiring import Rewiring
from procs.run_segments import SESSION, RunSegments, layout_hash
from procs.topology import WIRE, inboxes, link_named, outboxes
from procs.wiring import Station, bind, is_taken, last_frame, memory_links, slot_frame_bytes, stage_module
from shm.codec import record_dtype
from shm.kernel import address_of_array, kernel, new_record
from shm.ring import advance, poll, release
from shm.segment import FOLDER, Segment, SegmentError, new_run, segment_name
from shm.slot import slot_poll
from trader.messages import AccountState, BookTop, ExecutionReport

REPORTS = "router_reports"


@kernel
def next_slot(reader):
    """Address of a slot's next unseen publication, or 0."""
    return slot_poll(reader)


@kernel
def next_frame(reader):
    """Address of a ring's next frame, or 0; the frame is given back."""
    frame = poll(reader)
    if frame != 0:
        advance(reader, frame)
        release(reader)
    return frame


class Process:
    """One stage with the run's segments mapped for itself, as its process would have them."""

    def __init__(self, run: str, stage: str, folder: Path) -> None:
        self.segments = RunSegments.attach(run)
        wires = {
            link.name: link for link in inboxes(stage) + outboxes(stage) if WIRE in (link.producer, *link.consumers)
        }
        addresses, self.keep = memory_links(wires, symbols=1)
        state = new_record(stage_module(stage).STATE)
        links = self.segments.links_of() | addresses
        self.station: Station = bind(stage, links, symbols=1, state=state, clock=self.segments.clock_address)
        self.rewiring = Rewiring(self.segments, folder)

    def tend(self) -> None:
        """What its housekeeping does."""
        self.rewiring.tend([self.station], [], 0)

    def tell(self, outbox: int, message: type, **fields: int) -> int:
        """Send one message: 1 if there was room."""
        record = new_record(record_dtype(message))
        for name, value in fields.items():
            record[name] = value
        return int(send_one(address_of_array(self.station.duty), outbox, record[0]))

    def taken(self, link: str) -> list[int]:
        """The first fields behind the symbol of what has come on a ring; of slots, the symbols."""
        box = self.station.row["inboxes"][inboxes(self.station.name).index(link_named(link))]
        found = []
        while frame := (next_frame(box["ring"]) if link == REPORTS else next_slot(box["slot"])):
            found.append(frame)
        return found


@kernel
def send_one(ports, outbox, record):
    """`send` from Python."""
    return send(ports, outbox, record)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunSegments]:
    """A run's segments, as the supervisor has them."""
    with ExitStack() as stack:
        segments = RunSegments.create(new_run(), symbols=1)
        stack.callback(segments.unlink)
        yield segments


def processes(run: RunSegments, folder: Path, *stages: str) -> list[Process]:
    return [Process(run.run, stage, folder) for stage in stages]


def test_a_reader_that_lives_takes_the_old_ring_to_its_end_and_then_the_new_one(
    run: RunSegments, tmp_path: Path
) -> None:
    router, risk = processes(run, tmp_path, "router", "risk")
    router.tell(0, ExecutionReport, trade_id=1)
    generation = run.renew([REPORTS], ["strategy"])
    router.tell(0, ExecutionReport, trade_id=2)
    risk.tend()
    early = run.is_rewired("risk", generation)
    router.tend()
    router.tell(0, ExecutionReport, trade_id=3)
    risk.tend()
    with_two_untaken = run.is_rewired("risk", generation)
    before = risk.taken(REPORTS)
    risk.tend()
    after = risk.taken(REPORTS)

    assert not early, "its producer may still write to the old ring"
    assert not with_two_untaken, "reports that it has not taken would be lost"
    assert (len(before), len(after)) == (2, 1)
    assert run.is_rewired("risk", generation)
    assert run.is_rewired("router", generation)


def test_a_reader_that_has_taken_all_waits_for_who_may_still_write(run: RunSegments, tmp_path: Path) -> None:
    router, risk = processes(run, tmp_path, "router", "risk")
    run.renew([REPORTS], ["strategy"])
    risk.tend()
    router.tell(0, ExecutionReport, trade_id=1)
    router.tend()
    found = risk.taken(REPORTS)
    risk.tend()

    assert len(found) == 1, "what was sent into the old ring meanwhile would be lost"
    assert run.is_rewired("risk", 2)


def test_what_a_dead_producer_has_sent_is_taken_and_nothing_more(run: RunSegments, tmp_path: Path) -> None:
    dead, risk = processes(run, tmp_path, "router", "risk")
    dead.tell(0, ExecutionReport, trade_id=1)
    generation = run.renew([REPORTS], ["router"])
    first = risk.taken(REPORTS)
    risk.tend()
    successor = Process(run.run, "router", tmp_path)
    # Revived, as after a SIGCONT: it writes into what it has mapped.
    for _ in range(100):
        dead.tell(0, ExecutionReport, trade_id=666)
    successor.tell(0, ExecutionReport, trade_id=2)

    assert len(first) == 1
    assert run.is_rewired("risk", generation)
    assert len(risk.taken(REPORTS)) == 1, "only the successor is heard"


def test_the_old_names_are_gone_and_a_process_that_starts_has_the_newest_only(run: RunSegments, tmp_path: Path) -> None:
    old = FOLDER / segment_name(run.run, 1, REPORTS)
    assert old.exists()
    generation = run.renew([REPORTS], ["strategy"])
    successor = Process(run.run, "strategy", tmp_path)

    assert not old.exists()
    assert generation == 2 == successor.segments.segments[REPORTS].generation
    assert successor.segments.segments["book_market"].generation == 1
    assert successor.rewiring.session == 2


def test_a_segment_of_another_generation_is_refused(run: RunSegments) -> None:
    run.renew([REPORTS], ["strategy"])
    right = FOLDER / segment_name(run.run, 2, REPORTS)
    right.unlink()
    size = run.segments[REPORTS].content_bytes
    forged = Segment.create(right.name, size, layout_hash=layout_hash(), generation=1)
    try:
        with pytest.raises(SegmentError, match="generation 1, wanted 2"):
            run.attach_link(REPORTS)
    finally:
        forged.unlink()


def test_slots_go_over_with_what_they_hold_and_nothing_is_seen_twice(run: RunSegments, tmp_path: Path) -> None:
    book, risk = processes(run, tmp_path, "book", "risk")
    book.tell(0, BookTop, state=2)
    seen = risk.taken("book_top")
    run.renew(["book_top"], ["strategy"])
    book.tend()
    risk.tend()
    again = risk.taken("book_top")
    strategy = Process(run.run, "strategy", tmp_path)
    book.tell(0, BookTop, state=3)

    assert len(seen) == 1
    assert again == [], "an old top would look as if it had just come"
    assert len(strategy.taken("book_top")) == 1
    assert len(risk.taken("book_top")) == 1


def test_what_a_dead_producer_published_last_is_there_for_its_successor(run: RunSegments, tmp_path: Path) -> None:
    (book,) = processes(run, tmp_path, "book")
    book.tell(0, BookTop, state=2)
    run.renew(["book_top"], ["book"])
    content = run.segments["book_top"].bytes_view()
    whole = last_frame(content, slot_frame_bytes(link_named("book_top")), 0)
    content[128:136].view(np.int64)[0] |= 1
    torn = last_frame(content, slot_frame_bytes(link_named("book_top")), 0)
    del content

    assert whole
    assert not torn


def test_two_renewals_leave_nobody_behind(run: RunSegments, tmp_path: Path) -> None:
    router, risk = processes(run, tmp_path, "router", "risk")
    for turn in range(2, 6):
        router.tell(0, ExecutionReport, trade_id=turn)
        generation = run.renew([REPORTS], ["strategy"])
        router.tend()
        router.tell(0, AccountState)
        risk.tend()
        found = len(risk.taken(REPORTS))
        risk.tend()
        found += len(risk.taken(REPORTS))

        assert generation == turn == run.word(SESSION)
        assert found == 2
        assert run.is_rewired("risk", turn)
    assert len(list(FOLDER.glob(f"*{run.run}*{REPORTS}"))) == 1
    assert is_taken(risk.station, link_named(REPORTS))

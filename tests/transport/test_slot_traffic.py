"""Slots under full traffic: random sizes, random slots, a writer that pauses while it writes; no torn read."""

import pytest

from shm.kernel import address_of_array, new_record
from shm.slot import SLOT_READER, SLOT_WRITER, open_slot_reader, open_slot_writer, slot_stride, slots_bytes
from tests.shm.areas import aligned, shared, shared_record
from tests.shm.one_ring import SEED
from tests.shm.slot_traffic import SLOT_TALLY, publish_many, read_many
from tests.transport.crew import Crew, Report, words

FRAME_MAX = 32 + 8 * 20

SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("slots", "publications", "reads"),
    [
        pytest.param(1, 1_000, 1_000_000, id="one slot, quick"),
        pytest.param(8, 1_000, 1_000_000, id="eight slots, quick"),
        pytest.param(1, 100_000_000, 100_000_000, id="one slot, slow", marks=SLOW),
        pytest.param(8, 1_000_000, 1_000_000_000, id="eight slots, slow", marks=SLOW),
    ],
)
def test_no_read_is_torn_and_the_newest_of_every_slot_arrives(
    slots: int, publications: int, reads: int, report: Report
) -> None:
    content = shared(slots_bytes(slots, FRAME_MAX))
    base, stride = address_of_array(content), slot_stride(FRAME_MAX)
    tally, reading, progress, stop = shared_record(SLOT_TALLY), words(), words(), words()
    reading[0] = 1

    def write() -> None:
        writer = new_record(SLOT_WRITER)
        open_slot_writer(writer[0], base, stride, slots)
        publish_many(
            writer[0], slots, SEED, FRAME_MAX, publications, address_of_array(reading), address_of_array(progress),
            address_of_array(stop),
        )  # fmt: skip

    def read() -> None:
        reader, buffer = new_record(SLOT_READER), aligned(stride)
        open_slot_reader(reader[0], base, stride, slots, address_of_array(buffer))
        read_many(reader[0], slots, SEED, FRAME_MAX, reads, address_of_array(reading), address_of_array(stop), tally[0])

    with Crew(report) as crew:
        crew.start(write, core=0)
        crew.start(read, core=1)
        crew.finish(tally["received"], reads, f"reads of {slots} slots")

    seen = tally[0]
    report(f"{int(progress[0])} publications, {int(seen['received'])} copies, {int(seen['fresh'])} of them new")
    assert progress[0] >= publications and seen["received"] >= reads
    assert seen["harmed"] == 0 and seen["disorder"] == 0

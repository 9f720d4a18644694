"""Slots, log rings, cancel sets, the order arena under full traffic: pauses on both sides, every word checked.

A frame of a slot has a random size and is sometimes written with a pause in it. The records of the log ring, the
cancels and the orders have one size.
"""

import pytest

from tests.transport.crew import Crew, Report
from tests.transport.pairs import ArenaPair, CancelPair, LogPair, Pair, SlotPair

QUICK, LONG = 100_000, 100_000_000
SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("slots", "publications", "reads"),
    [
        pytest.param(1, 1_000, 1_000_000, id="one slot, quick"),
        pytest.param(8, 1_000, 1_000_000, id="eight slots, quick"),
        pytest.param(1, LONG, LONG, id="one slot, slow", marks=SLOW),
        pytest.param(8, 1_000_000, 1_000_000_000, id="eight slots, slow", marks=SLOW),
    ],
)
def test_no_read_of_a_slot_is_torn_and_the_newest_arrives(
    slots: int, publications: int, reads: int, report: Report
) -> None:
    SlotPair.compile()
    pair = SlotPair(publications, slots=slots, reads=reads)
    with Crew(report) as crew:
        crew.start(pair.write, core=0)
        crew.start(pair.read, core=1)
        crew.finish(pair.tally["received"], reads, f"reads of {slots} slots")

    pair.at_end()
    tally, published = pair.tally[0], int(pair.progress[0])
    report(f"{published} publications, {int(tally['received'])} copies, {int(tally['fresh'])} of them new")
    assert published >= publications and tally["received"] >= reads


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=SLOW)], ids=["quick", "slow"])
@pytest.mark.parametrize("pair", [LogPair, CancelPair, ArenaPair])
def test_nothing_is_lost_doubled_or_torn(pair: type[Pair], count: int, report: Report) -> None:
    pair.compile()
    both = pair(count)
    with Crew(report) as crew:
        crew.start(both.write, core=0)
        crew.start(both.read, core=1)
        crew.finish(both.progress, count, pair.__name__)

    both.at_end()
    tally = both.tally[0]
    report(f"{int(both.progress[0])} written, {int(tally['received'])} read, {int(tally['missed'])} counted as missed")
    assert both.progress[0] >= count
    if pair is LogPair:
        assert tally["received"] == both.progress[0]
        assert tally["received"] + tally["missed"] == tally["next"]

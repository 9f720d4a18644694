"""From the table to memory: sizes, who gates, who is woken, and refusals before anything runs."""

import itertools

import numpy as np
import pytest

from procs.duty import BATCH_MAX, HOPS
from procs.ports import CANCELS, RING, SLOTS
from procs.topology import LINKS, STAGES, Full, Link, inboxes, link_named, outboxes
from procs.wiring import (
    CREDIT_BYTES,
    bind,
    doorbell_address,
    format_link,
    histogram_offset,
    latency_bytes,
    link_bytes,
    memory_links,
    stage_module,
)
from shm.cancels import CANCELS_BYTES
from shm.control import CONTROL_BYTES, DOORBELL
from shm.histogram import HISTOGRAM_BYTES
from shm.kernel import address_of_array
from shm.layout import DOORBELL_BYTES, RING_CONSUMERS, RING_HEADER_BYTES, RING_RELIABLE
from shm.ring import room_ever
from tests.procs import relay_stage
from tests.procs.one_duty import INBOXES, OneDuty, relay_table
from tests.shm.areas import aligned
from tests.shm.ring_traffic import has_room

relayed = pytest.mark.usefixtures(relay_table.__name__)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_a_link_gates_its_producer_unless_it_drops(link: Link) -> None:
    content = aligned(link_bytes(link, symbols=3))
    format_link(link, content)
    if link.when_full in (Full.LATEST, Full.SET):
        assert not content.any()
        return
    words = content[:RING_HEADER_BYTES].view(np.int64)

    assert words[RING_CONSUMERS // 8] == len(link.consumers)
    gating = [index for index, consumer in enumerate(link.consumers) if consumer not in link.lossy]
    assert words[RING_RELIABLE // 8] == sum(1 << index for index in gating)
    assert bool(gating) == (link.when_full is not Full.DROP)


def test_a_link_takes_what_its_kind_needs() -> None:
    assert link_bytes(link_named("risk_cancels"), symbols=1) == CANCELS_BYTES
    assert link_bytes(link_named("feed_book"), symbols=9) == RING_HEADER_BYTES + (4 << 20)
    one, many = (link_bytes(link_named("book_top"), symbols=symbols) for symbols in (1, 5))
    assert many - 128 == 5 * (one - 128)


def test_every_inbox_of_every_stage_has_its_own_histograms() -> None:
    for stage in STAGES:
        offsets = [histogram_offset(stage.name, link.name, hop) for link in inboxes(stage.name) for hop in HOPS]
        assert offsets == [index * HISTOGRAM_BYTES for index in range(len(offsets))]
        assert latency_bytes(stage.name) == len(offsets) * HISTOGRAM_BYTES
    with pytest.raises(ValueError, match="not in list"):
        histogram_offset("book", "book_top", "age")


def test_every_step_of_the_system_may_write_what_its_credit_says() -> None:
    """A link whose ring can never hold twice a step's maximum would stop its producer for good."""
    for stage in STAGES:
        credit = getattr(stage_module(stage.name), "CREDIT", {})
        for link in outboxes(stage.name):
            if link.when_full in (Full.WAIT, Full.HALT):
                assert room_ever(link.capacity_bytes, credit.get(link.name, CREDIT_BYTES))


@relayed
def test_a_duty_has_its_inboxes_and_outboxes_in_order() -> None:
    row = OneDuty().row
    kinds = row["inboxes"]["kind"][: len(INBOXES)].tolist()
    boxes = row["ports"]["outboxes"]

    assert row["inbox_count"] == len(INBOXES)
    assert kinds == [CANCELS, RING, SLOTS, RING, RING, RING]
    assert row["inboxes"]["recorded"][: len(INBOXES)].tolist() == [0, 0, 0, 0, 0, 1]
    assert row["inboxes"]["ring"]["lossy"][: len(INBOXES)].tolist() == [0, 0, 0, 0, 1, 0]
    assert [Full(policy).name for policy in boxes["policy"][:5]] == ["WAIT", "HALT", "DENY", "LATEST", "SET"]
    assert boxes["kind"][:5].tolist() == [RING, RING, RING, SLOTS, CANCELS]
    assert boxes["credit_bytes"][:5].tolist() == [512, 512, CREDIT_BYTES, CREDIT_BYTES, CREDIT_BYTES]
    assert row["batch_max"] == BATCH_MAX
    assert row["timer_ns"] == 0


@relayed
def test_a_producer_wakes_every_other_process_once_and_never_its_own() -> None:
    bells = {"relay": 10, "other": 20, "third": 20}
    one_process = OneDuty(doorbell_of=lambda stage: bells[stage]).ports["outboxes"]
    assert one_process["doorbell_count"][:5].tolist() == [1] * 5
    assert set(one_process["doorbells"][:5, 0].tolist()) == {20}
    bells["third"] = 30
    assert OneDuty(doorbell_of=lambda stage: bells[stage]).ports["outboxes"]["doorbells"][1, :2].tolist() == [20, 30]
    fused = {"relay": 10, "other": 10, "third": 0}
    assert not OneDuty(doorbell_of=lambda stage: fused[stage]).ports["outboxes"]["doorbell_count"].any()


@relayed
def test_what_comes_from_the_same_process_is_read_in_place_and_what_does_not_is_copied() -> None:
    for bells, in_place in (({"relay": 10, "other": 10, "third": 20}, 1), ({"relay": 10, "other": 20, "third": 20}, 0)):
        boxes = OneDuty(doorbell_of=lambda stage, bells=bells: bells[stage]).row["inboxes"]
        assert (boxes[INBOXES.index("in_latest")]["slot"]["buffer"] == 0) == in_place
        assert boxes[INBOXES.index("in_wait")]["ring"]["sole"] == 1 - in_place


@relayed
def test_outboxes_that_are_not_the_tables_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_stage, "OUTBOXES", ("out_wait", "elsewhere"))
    with pytest.raises(ValueError, match=r"stage relay: OUTBOXES \['elsewhere', 'out_wait'\], the topology has"):
        OneDuty()


@relayed
@pytest.mark.parametrize("credit", [2017, 4096])
def test_a_credit_that_the_ring_can_never_grant_is_refused(credit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_stage, "CREDIT", {"out_wait": credit, "out_halt": 512})
    with pytest.raises(ValueError, match=f"stage relay: a step may write {credit} bytes to out_wait, which never has"):
        OneDuty()


@relayed
def test_the_largest_credit_that_is_bound_is_granted_by_an_empty_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_stage, "CREDIT", {"out_wait": 1984, "out_halt": 512})
    assert room_ever(4096, 1984)
    assert has_room(OneDuty().ports["outboxes"][0]["ring"], 1984) == 1


def test_links_in_memory_are_aligned_and_apart() -> None:
    links = {link.name: link for link in LINKS if link.capacity_bytes <= 1 << 20}
    addresses, keep = memory_links(links, symbols=2)

    assert set(addresses) == set(links) and len(keep) == len(links)
    assert all(address % 128 == 0 for address in addresses.values())
    spans = sorted((addresses[name], addresses[name] + link_bytes(link, symbols=2)) for name, link in links.items())
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_a_doorbell_lies_inside_its_control_cell() -> None:
    assert doorbell_address(1000) == 1000 + DOORBELL
    assert DOORBELL + DOORBELL_BYTES <= CONTROL_BYTES


def test_a_stage_of_the_system_binds_to_its_own_links() -> None:
    wanted = {link.name: link for link in (*inboxes("volatility"), *outboxes("volatility"))}
    addresses, keep = memory_links(wanted, symbols=2)
    state = np.zeros(1, stage_module("volatility").STATE)
    clock = np.zeros(8, np.int64)
    station = bind("volatility", addresses, symbols=2, state=state, clock=address_of_array(clock), batch_max=7)

    assert station.row["entry"] == stage_module("volatility").step.address
    assert (station.row["inbox_count"], station.row["ports"]["outbox_count"]) == (1, 1)
    assert station.row["batch_max"] == 7 and len(keep) == 2

"""The table: nothing wrong with the system's own, every contradiction named, everything in the picture."""

import pytest

from procs.topology import (
    FUSED,
    LINKS,
    STAGES,
    SUPERVISOR,
    TRADING,
    WIRE,
    Full,
    K,
    Link,
    Stage,
    inboxes,
    link_named,
    outboxes,
    picture,
    problems,
    stage_named,
)
from procs.wiring import stage_module
from shm.codec import body_bytes_fixed
from shm.layout import FRAME_ALIGNMENT_BYTES, FRAME_HEADER_BYTES
from trader.messages import BookTop, CancelRequest, NewOrder, Trade, VolatilityEstimate, WireIn

A, B, C = (Stage(name, False, "for a test") for name in "abc")


def link(name: str, producer: str, *consumers: str, full: Full = Full.DENY, **changes: object) -> Link:
    """A sound link, with changes."""
    fields = {"carries": (Trade,), "capacity_bytes": 64 * K, "when_full": full} | changes
    return Link(name, producer, consumers, **fields)


def round_trip(*links: Link) -> list[str]:
    """Problems of two stages with a link each way, and more links."""
    return problems((A, B), (link("there", "a", "b"), link("back", "b", "a"), *links))


def test_the_systems_own_table_is_sound() -> None:
    assert problems() == []
    assert round_trip() == []


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (link("x", "a", "nobody"), "link 'x' names unknown stage 'nobody'; known: ['a', 'b', 'supervisor', 'wire']"),
        (link("x", "nobody", "b"), "link 'x' names unknown stage 'nobody'"),
        (link("there", "a", "b"), "link 'there' stands twice"),
        (link("x", "a", "b", capacity_bytes=5000), "link 'x': capacity 5000, allowed a power of two of at least 4096"),
        (link("x", "a", "b", capacity_bytes=2048), "link 'x': capacity 2048, allowed a power of two"),
        (link("x", "a", "b", capacity_bytes=0), "link 'x': capacity 0, allowed a power of two"),
        (link("x", "a"), "link 'x': 0 consumers, allowed 1 to 3"),
        (link("x", "a", "b", "b", "b", "b"), "link 'x': 4 consumers, allowed 1 to 3"),
        (link("x", "a", "b", carries=()), "link 'x' carries nothing"),
        (link("x", "a", "b", full=Full.LATEST, carries=(BookTop, VolatilityEstimate)),
         "link 'x': a LATEST link carries exactly one type, found 2"),
        (link("x", "a", "b", full=Full.LATEST, carries=(WireIn,)),
         "link 'x': a LATEST link has room for one size, and WireIn ends in bytes"),
        (Link("x", "a", ("b",), (Trade,), 4096, Full.HALT, may_miss=("c",)),
         "link 'x': 'c' may miss what it does not read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_contradiction_is_named(extra: Link, says: str) -> None:
    found = round_trip(extra)

    assert any(line.startswith(says) for line in found), found


def test_a_latest_link_and_a_set_need_no_capacity() -> None:
    latest = link("latest", "a", "b", full=Full.LATEST, carries=(BookTop,), capacity_bytes=0)
    cancels = link("cancels", "a", "b", full=Full.SET, carries=(CancelRequest,), capacity_bytes=0)
    assert round_trip(latest, cancels) == []


def test_a_stage_that_reads_or_writes_nothing_is_named() -> None:
    found = problems((A, B), (link("there", "a", "b"),))
    assert found == ["stage 'a' reads nothing", "stage 'b' writes nothing"]


def test_wait_links_may_form_no_cycle_however_long() -> None:
    ring = (
        link("ab", "a", "b", full=Full.WAIT), link("bc", "b", "c", full=Full.WAIT), link("ca", "c", "a", full=Full.WAIT)
    )  # fmt: skip
    assert "WAIT links form a cycle: a -> b -> c -> a; each would wait for the next" in problems((A, B, C), ring)
    broken = (*ring[:2], link("ca", "c", "a", full=Full.DROP))
    assert problems((A, B, C), broken) == []
    itself = (link("there", "a", "b"), link("back", "b", "a"), link("aa", "a", "a", full=Full.WAIT))
    assert "WAIT links form a cycle: a -> a; each would wait for the next" in problems((A, B), itself)


def test_the_wire_is_a_source_and_a_sink_and_no_way_through() -> None:
    wired = (
        link("in", WIRE, "a", full=Full.WAIT, carries=(WireIn,)), link("out", "a", WIRE, full=Full.WAIT),
        link("there", "a", "b"), link("back", "b", "a"),
    )  # fmt: skip
    assert problems((A, B), wired) == []


def test_a_reader_of_what_must_not_be_lost_may_not_wait_for_another_stage() -> None:
    found = problems(
        (A, B, C),
        (
            link("halt", "a", "b", full=Full.HALT), link("wait", "b", "c", full=Full.WAIT),
            link("back", "c", "a"),
        ),
    )  # fmt: skip
    assert found == ["stage 'b' reads a HALT link and writes 'wait', which may WAIT"]


def test_a_stage_is_served_cancels_first_then_halt_then_latest_then_queues_in_the_tables_order() -> None:
    assert [link.name for link in inboxes("router")] == [
        "strategy_cancels", "risk_cancels", "supervisor_cancels", "risk_router", "router_wire_in",
    ]  # fmt: skip
    assert [link.name for link in inboxes("strategy")] == [
        "risk_strategy", "router_reports", "book_top", "volatility_estimate", "signal_estimate", "tail_risk_advice",
    ]  # fmt: skip
    assert [link.name for link in outboxes("risk")] == ["risk_strategy", "risk_router", "risk_cancels"]


def test_the_channel_of_new_orders_holds_a_hundred_and_not_twice_as_many() -> None:
    wanted = FRAME_HEADER_BYTES + body_bytes_fixed(NewOrder)
    frame = -(-wanted // FRAME_ALIGNMENT_BYTES) * FRAME_ALIGNMENT_BYTES

    assert 100 <= link_named("risk_router").capacity_bytes // frame < 200
    assert link_named("risk_router").when_full is Full.DENY


def test_the_picture_shows_every_stage_every_link_and_every_policy() -> None:
    lines = picture().splitlines()
    for stage in STAGES:
        assert any(line.split()[:1] == [stage.name] and stage.purpose in line for line in lines)
    for each in LINKS:
        row = next(line for line in lines if line.split()[:1] == [each.name])
        assert f"{each.producer} -> {', '.join(each.consumers)}" in row
        assert each.when_full.name in row.split()
        assert all(message.__name__ in row for message in each.carries)
    for full in Full:
        assert any(line.split()[:1] == [full.name] and full.meaning in line for line in lines)
    assert any(row.split()[:1] == ["feed_book"] and "4 MiB" in row for row in lines)
    assert max(map(len, lines)) < 140


def test_names_lead_to_their_rows() -> None:
    assert stage_named("book").name == "book" and link_named("book_top").when_full is Full.LATEST
    with pytest.raises(KeyError):
        stage_named("nobody")
    with pytest.raises(KeyError):
        link_named("nothing")
    assert set(FUSED) <= set(TRADING) and "exchange" not in TRADING
    assert SUPERVISOR not in {stage.name for stage in STAGES}


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_each_stages_file_has_the_outboxes_of_the_table(stage: str) -> None:
    module = stage_module(stage)

    assert sorted(module.OUTBOXES) == sorted(link.name for link in outboxes(stage))
    assert set(getattr(module, "CREDIT", {})) <= set(module.OUTBOXES)

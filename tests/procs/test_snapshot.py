"""A snapshot tells what the shared memory of a run holds, quickly, and changes nothing in it."""

import os
import time

import pytest

from procs.config import BudgetsConfig, RunConfig
from procs.readings import drops, latencies, record_of
from procs.run_segments import RunSegments
from procs.snapshot import Taker
from procs.topology import STAGES, Full, link_named
from procs.wiring import histogram_offset
from shm.control import FAILURE, HALTED, HEARTBEAT, store_word
from shm.layout import RING_HEAD_MISSED, RING_HEADS
from tests.procs.one_run import LIVE_NS, lose_sight_of_an_order, measure, one_run, plan_of, record_value, trade_a_little
from trader.enums import BookState, RefusalReason
from trader.risk.state import HaltCause


def test_a_fresh_run_has_every_stage_and_no_figures() -> None:
    with one_run() as memory:
        snapshot = Taker(memory, plan_of(memory)).take()

    assert [stage.name for stage in snapshot.stages] == [stage.name for stage in STAGES]
    assert all(stage.state == "running" and stage.pid == os.getpid() for stage in snapshot.stages)
    assert snapshot.events == 0 and snapshot.orders.placed == 0 and snapshot.pnl == 0.0
    assert all(hop.latency.count == 0 and not hop.over_budget for hop in snapshot.hops)
    assert snapshot.troubles == []


def test_books_quotes_belief_and_position_of_each_symbol() -> None:
    with one_run(("BTCUSDT", "ETHUSDT")) as memory:
        trade_a_little(memory)
        first, second = Taker(memory, plan_of(memory)).take().symbols

    assert (first.units.symbol, second.units.symbol) == ("BTCUSDT", "ETHUSDT")
    assert first.book_state == "LIVE" and (first.bid_ticks, first.ask_ticks) == (600_000, 600_001)
    assert (first.own_bid_ticks, first.own_bid_lots) == (599_999, 7)
    assert (first.own_ask_ticks, first.own_ask_lots) == (600_010, 7)
    assert first.belief == "LIVE" and first.volatility_bps == pytest.approx(0.314)
    assert first.units.size(first.position_lots) == "0.005" and first.units.price(first.bid_ticks) == "60000.0"
    assert second.belief == "WARMING" and second.own_bid_ticks == second.position_lots == 0


def test_orders_pnl_and_quoted_share() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        lose_sight_of_an_order(memory)
        snapshot = Taker(memory, plan_of(memory)).take()

    orders = snapshot.orders
    assert (orders.placed, orders.acked, orders.filled, orders.canceled, orders.open) == (12, 12, 2, 8, 3)
    assert (orders.denied, orders.unknown) == (4, 1)
    assert snapshot.pnl == pytest.approx(1.23456789)
    assert snapshot.quoted_share == pytest.approx(0.9)


def test_percentiles_of_a_hop_stand_beside_its_budget() -> None:
    config = RunConfig(budgets=BudgetsConfig(feed_book_us=50.0, risk_router_us=500.0))
    with one_run() as memory:
        trade_a_little(memory)
        snapshot = Taker(memory, plan_of(memory, config)).take()

    found = snapshot.hop("feed_book")
    assert found.budget_ns == 50_000 and found.over_budget
    assert not snapshot.hop("risk_router").over_budget
    assert found.latency.count == 100 and found.latency.max == 100_000
    assert found.latency.p50 == pytest.approx(50_000, rel=2e-3) and found.latency.p99 == pytest.approx(99_000, rel=2e-3)
    assert "feed_book over budget" in snapshot.troubles


def test_each_hop_is_measured_where_it_ends() -> None:
    with one_run() as memory:
        for count, hop in enumerate(latencies(memory), 1):
            for _ in range(count):
                measure(memory, hop, 1_000)
        found = latencies(memory)

    assert [(hop, latency.count) for hop, latency in found.items()] == [
        ("feed", 1), ("feed_book", 2), ("book_strategy", 3), ("strategy_risk", 4), ("risk_router", 5),
        ("tick_to_order", 6),
    ]  # fmt: skip


def test_messages_of_a_stage_are_those_of_all_its_inboxes() -> None:
    with one_run() as memory:
        for link, count in (("book_top", 3), ("volatility_estimate", 2), ("router_reports", 4)):
            offset = histogram_offset("strategy", link, "hop")
            for _ in range(count):
                record_value(memory.address("latency.strategy") + offset, 10)
        stages = {stage.name: stage for stage in Taker(memory, plan_of(memory)).take().stages}

    assert stages["strategy"].taken == 9 and stages["risk"].taken == 0


def test_a_silent_a_halted_and_a_failed_stage_are_named() -> None:
    with one_run() as memory:
        store_word(memory.cell("book").address + HEARTBEAT, memory.cell("book").heartbeat_ns - 3_000_000_000)
        store_word(memory.cell("risk").address + HALTED, 1)
        store_word(memory.cell("router").address + FAILURE, -7)
        record_of(memory, "risk", "RISK")["halted"] = HaltCause.POSITION_MISMATCH
        troubles = Taker(memory, plan_of(memory)).take().troubles

    assert troubles[:3] == [
        "stage router failed with code -7", "stage risk halted", "no new orders: position mismatch"
    ]  # fmt: skip
    assert troubles[3].startswith("stage book silent for 3.")


def test_a_stale_book_is_named() -> None:
    with one_run() as memory:
        memory.state("strategy")[0]["tops"]["state"][0] = BookState.STALE
        assert Taker(memory, plan_of(memory)).take().troubles == ["BTCUSDT book STALE"]


def test_cpu_is_measured_over_a_second_or_more() -> None:
    with one_run() as memory:
        taker = Taker(memory, plan_of(memory))
        assert taker.take().stages[0].cpu_percent == 0.0
        end_s = time.monotonic() + 1.1
        while time.monotonic() < end_s:
            pass
        percent = taker.take().stages[0].cpu_percent

    assert 20 < percent < 130


def test_a_process_that_is_gone_has_no_core_and_no_cpu() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    with one_run() as memory:
        store_word(memory.cell("feed").address + 152, pid)
        assert memory.cell("feed").pid == pid
        feed = Taker(memory, plan_of(memory)).take().stages[0]

    assert (feed.core, feed.cpu_percent) == ("", 0.0)


def test_a_monitor_sees_the_budgets_and_the_beginning_that_the_supervisor_left() -> None:
    config = RunConfig(budgets=BudgetsConfig(tick_to_order_us=123.0))
    with one_run() as memory:
        trade_a_little(memory)
        Taker(memory, plan_of(memory, config)).take()
        time.sleep(0.05)
        attached = RunSegments.attach(memory.run)
        seen = Taker(attached).take()
        attached.close()

    assert seen.hop("tick_to_order").budget_ns == 123_000
    assert 0.05 <= seen.elapsed_s < 5.0


def test_a_monitor_that_came_before_trading_began_learns_the_budgets_later() -> None:
    with one_run() as memory:
        monitor = Taker(memory)
        assert monitor.take().elapsed_s == 0.0 and monitor.take().hop("feed").budget_ns == 0
        Taker(memory, plan_of(memory))
        assert monitor.take().hop("feed").budget_ns == 2_000_000


def test_a_few_slow_messages_do_not_make_a_hop_late() -> None:
    with one_run() as memory:
        for count in range(101):
            assert not Taker(memory, plan_of(memory)).take().hop("feed").over_budget or count >= 100
            measure(memory, "feed", 5_000_000)
        assert Taker(memory, plan_of(memory)).take().hop("feed").over_budget


def test_taking_a_snapshot_is_cheap() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        taker = Taker(memory, plan_of(memory))
        taker.take()
        spans_s = []
        for _ in range(50):
            began_s = time.perf_counter()
            taker.take()
            spans_s.append(time.perf_counter() - began_s)

    assert sorted(spans_s)[len(spans_s) // 4] < 2e-3  # under a millisecond on a quiet host


def test_what_a_reader_was_overtaken_by_counts_as_dropped() -> None:
    with one_run() as memory:
        store_word(memory.address("book_market") + RING_HEADS + RING_HEAD_MISSED, 3)
        found = drops(memory)

    assert found["book_market"] == 3 and sum(found.values()) == 3


def test_what_a_full_link_turned_away_counts_as_dropped() -> None:
    with one_run() as memory:
        record_of(memory, "strategy", "DESK")["denied"] = 2
        record_of(memory, "risk", "RISK")["refused_by_reason"][RefusalReason.NO_ROOM] = 5
        found = drops(memory)

    assert (found["strategy_risk"], found["risk_router"]) == (2, 5)
    assert all(link_named(link).when_full not in (Full.LATEST, Full.SET) for link in found)


def test_without_instruments_there_are_no_symbols() -> None:
    with one_run() as memory:
        memory.instruments()["symbol_length"] = 0
        assert Taker(memory, plan_of(memory)).take().symbols == ()


def test_quoted_time_is_a_share_of_live_time() -> None:
    with one_run() as memory:
        desk = record_of(memory, "strategy", "DESK")
        desk["live_ns"], desk["quoted_both_ns"] = LIVE_NS, LIVE_NS // 4
        assert Taker(memory, plan_of(memory)).take().quoted_share == 0.25

"""The result of a run: the keys that others read, and ok only when we and the exchange agree."""

import io
import time

import msgspec
import pytest

from procs.config import BudgetsConfig, RunConfig
from procs.readings import HOP_INBOXES, record_of
from procs.run_segments import RunSegments
from procs.snapshot import Taker
from procs.summary import Summary, collect, cpu_by_stage, render
from procs.topology import FUSED, STAGES
from procs.wiring import histogram_offset
from shm.control import store_word
from shm.layout import RING_HEAD_MISSED, RING_HEADS
from tests.procs.one_run import lose_sight_of_an_order, one_run, plan_of, record_value, trade_a_little


def summary_of(memory: RunSegments, config: RunConfig | None = None, failure: str = "") -> Summary:
    return collect(
        memory,
        plan_of(memory, config),
        duration_s=30.0,
        cpu_percent={stage.name: 2.0 for stage in STAGES},
        began=time.monotonic() - 12.0,
        failure=failure,
    )


def test_the_json_has_the_keys_that_readers_rely_on() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        found = msgspec.json.decode(msgspec.json.encode(summary_of(memory)))

    assert found["ok"] is True and found["problems"] == []
    assert found["placement"] == "process" and found["duration_s"] == 30.0 and found["events"] == 41_000
    assert found["books"] == {"checked": 6_545, "mismatched": 0, "gaps": 1, "resyncs": 2}
    assert found["orders"] == {
        "placed": 12, "acked": 12, "filled": 2, "canceled": 8, "expired": 0, "rejected": 0, "denied": 4, "pulled": 0,
        "unknown": 0,
    }  # fmt: skip
    assert found["quoted_share"] == 0.9
    assert found["position"] == {"BTCUSDT": {"ours": 0.005, "venue": 0.005, "ours_lots": 5, "venue_lots": 5}}
    assert found["open_orders"] == {"ours": 3, "venue": 3}
    assert found["pnl"] == pytest.approx(1.23456789)
    assert found["drops"] == dict.fromkeys(
        ("feed_book", "book_market", "strategy_risk", "risk_strategy", "risk_router", "router_reports"), 0
    )
    assert found["cpu_percent"] == {stage.name: 2.0 for stage in STAGES}
    hops = ["feed", "feed_book", "book_strategy", "strategy_risk", "risk_router", "tick_to_order"]
    assert list(found["latency_ns"]) == hops
    assert list(found["latency_ns"]["tick_to_order"]) == ["count", "p50", "p99", "p999", "max"]
    assert found["latency_ns"]["tick_to_order"]["count"] == 100


def test_the_first_quote_is_told_from_the_command() -> None:
    with one_run() as memory:
        trade_a_little(memory)  # quoting began nine seconds before
        Taker(memory, plan_of(memory)).take()
        assert summary_of(memory).seconds_to_first_quote == pytest.approx(3.0, abs=0.5)


def test_without_a_quote_there_is_no_time_of_the_first() -> None:
    with one_run() as memory:
        assert summary_of(memory).seconds_to_first_quote is None


def test_a_position_that_differs_from_the_ledger_is_a_problem() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        record_of(memory, "exchange", "ACCOUNT")["ledger"]["position_lots"][0] = 6
        found = summary_of(memory)

    assert not found.ok
    assert found.problems[0] == "position BTCUSDT: risk 0.005, the venue's 0.006"
    assert found.position["BTCUSDT"].venue_lots == 6


def test_a_strategy_that_lost_count_is_a_problem_too() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        record_of(memory, "strategy", "DESK")["symbols"][0]["ledger"]["lots"] = -2
        assert summary_of(memory).problems == ["position BTCUSDT: strategy -0.002, the venue's 0.005"]


def test_an_open_order_that_only_the_venue_knows_is_a_problem() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        record_of(memory, "exchange", "ACCOUNT")["ledger"]["open_orders"][0] = 4
        assert summary_of(memory).problems == ["open orders: ours 3, the venue's 4"]


def test_an_unknown_order_is_a_problem() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        lose_sight_of_an_order(memory)
        found = summary_of(memory)

    assert not found.ok and found.orders.unknown == 1
    assert found.problems == ["1 orders of unknown outcome"]


def test_a_mismatched_book_is_a_problem() -> None:
    with one_run() as memory:
        record_of(memory, "book", "BOOK")["check"]["mismatched"][0] = 2
        assert "books: 2 of 0 checks differ" in summary_of(memory).problems[0]


def test_a_loss_is_a_problem_only_where_nothing_may_be_lost() -> None:
    with one_run() as memory:
        store_word(memory.address("book_market") + RING_HEADS + RING_HEAD_MISSED, 5)
        assert summary_of(memory).ok
        store_word(memory.address("feed_book") + RING_HEADS + RING_HEAD_MISSED, 3)
        found = summary_of(memory)

    assert found.drops["book_market"] == 5
    assert found.problems == ["link feed_book: 3 messages lost"]


def test_the_cause_of_a_failed_run_stands_first() -> None:
    with one_run() as memory:
        assert summary_of(memory, failure="stage book: killed by SIGKILL").problems == ["stage book: killed by SIGKILL"]
    failed = Summary.failed("fused", "stage feed: exited with code 1 during start")
    assert not failed.ok and failed.problems == ["stage feed: exited with code 1 during start"]


def test_stages_of_one_process_share_its_cpu_by_the_time_in_their_steps() -> None:
    with one_run() as memory:
        for hop, service_ns in (("feed", 600), ("feed_book", 300), ("book_strategy", 100)):
            stage, link = HOP_INBOXES[hop]
            offset = histogram_offset(stage, link, "service")
            record_value(memory.address(f"latency.{stage}") + offset, service_ns)
        found = cpu_by_stage(memory, "fused", {"+".join(FUSED): 50.0, "volatility": 1.5, "supervisor": 0.5})

    assert found == {
        "feed": 30.0, "book": 15.0, "strategy": 5.0, "risk": 0.0, "router": 0.0, "volatility": 1.5, "supervisor": 0.5
    }  # fmt: skip


def test_the_printed_result_names_every_figure_and_every_problem() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        record_of(memory, "exchange", "ACCOUNT")["ledger"]["position_lots"][0] = 6
        found = summary_of(memory)
    out = io.StringIO()
    render(found, BudgetsConfig(feed_us=50.0), file=out)
    text = out.getvalue()

    assert "\x1b" not in text and max(map(len, text.splitlines())) <= 120
    assert "result: NOT OK" in text and "position BTCUSDT: risk 0.005, the venue's 0.006" in text
    assert "0.005 ours, 0.006 the venue's: DIFFERENT" in text
    for part in ("41,000", "12 placed", "2 filled", "6,545 checked", "+1.23"):
        assert part in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert rows["feed"][-1] == "over" and rows["tick_to_order"][-1] == "pass"


def test_a_run_that_never_traded_is_printed_too() -> None:
    out = io.StringIO()
    render(Summary.failed("process", "the kernels: not ready after 120 s"), file=out)

    assert "NOT OK" in out.getvalue() and "the kernels: not ready after 120 s" in out.getvalue()

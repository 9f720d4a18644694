"""The view of a running system: fits a small terminal, says in words what it shows in colour, plain elsewhere."""

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from procs.config import RunConfig
from procs.figures import format_count, format_span
from procs.live import LiveView, picture, plain_line
from procs.readings import BookChecks, Latency, Orders, Units
from procs.restarts import RestartView
from procs.snapshot import HopView, Snapshot, StageView, SymbolView
from procs.stress_views import CALM
from procs.topology import STAGES

LATENCY = Latency(count=12_345_678, p50=45_000, p99=1_234_000, p999=9_900_000, max=123_000_000)


def stage(name: str, **changes: object) -> StageView:
    return replace(StageView(name, "running", 4_242, "1", 99.6, 0.05, 12_345_678, False, 0), **changes)


def symbol(name: str = "BTCUSDT", **changes: object) -> SymbolView:
    units = Units(name, 1, 1, 3, 1)
    shown = SymbolView(units, "LIVE", 618_001, 11, 618_002, 13, 0.314, "LIVE", 617_995, 7, 618_008, 7, -12_345)
    return replace(shown, **changes)


def snapshot(**changes: object) -> Snapshot:
    shown = Snapshot(
        run="1.2.abc",
        elapsed_s=12.3,
        events=123_456,
        stages=tuple(stage(row.name, pid=4_242 + index) for index, row in enumerate(STAGES)),
        hops=tuple(
            HopView(name, LATENCY, 2_000_000)
            for name in ("feed", "feed_book", "book_strategy", "strategy_risk", "risk_router", "tick_to_order")
        ),
        symbols=(symbol(),),
        books=BookChecks(6_545, 0, 0, 0),
        orders=Orders(1_234, 1_230, 56, 1_170, 0, 2, 3, 4, 0, 12),
        pnl=-12.345,
        quoted_share=0.932,
        halt="NONE",
        dropped=0,
    )
    return replace(shown, **changes)


def screen(shown: Snapshot, **options: object) -> list[str]:
    """The lines of the view on a terminal of 80 by 24, without colour."""
    out = io.StringIO()
    Console(file=out, width=80, height=24).print(picture(shown, **options))
    return out.getvalue().splitlines()


def test_everything_fits_80_by_24() -> None:
    symbols = tuple(symbol(f"COIN{index}USDT") for index in range(9))
    lines = screen(snapshot(symbols=symbols), market="replay x20", duration_s=30.0, symbol_rows=1, rate=98_765.0)

    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert "\u2026" not in "".join(lines)
    assert any("+8 more" in line for line in lines)


def test_stages_hops_book_belief_quotes_position_orders_and_pnl_are_shown() -> None:
    text = "\n".join(screen(snapshot(), market="generated market", duration_s=30.0))

    for row in STAGES:
        assert row.name in text
    for part in (
        "process", "12.3s of 30s", "123,456", "100%", "12.35M", "tick_to_order", "45us", "1.2ms", "2.0ms", "BTCUSDT",
        "LIVE", "61800.1", "61800.2", "61799.5", "61800.8", "-12.345", "0.31 live", "1,234", "56", "-12.35", "93.2%",
        "6,545",
    ):  # fmt: skip
        assert part in text, part


def test_a_hop_over_budget_is_marked_without_colour_too() -> None:
    late = HopView("feed_book", replace(LATENCY, p99=3_000_000), 2_000_000)
    lines = screen(snapshot(hops=(late, *snapshot().hops[2:])))

    (row,) = [line for line in lines if "feed_book" in line and "2.0ms" in line]
    assert "3.0ms!" in row
    assert "feed_book over budget" in lines[-1]


def test_what_stands_in_the_way_of_trading_is_said_below() -> None:
    silent = stage("risk", heartbeat_age_s=1.4)
    shown = snapshot(halt="POSITION_MISMATCH", stages=(*snapshot().stages[:3], silent, *snapshot().stages[4:]))

    assert screen(shown)[-1].startswith(" no new orders: position mismatch; stage risk silent for 1.4 s")
    assert "SILENT" in "\n".join(screen(shown))


def test_what_signals_and_tail_risk_say_stands_below() -> None:
    tight = replace(CALM, alert=True, level=0.8, size_permille=450, spread_permille=2_100, reasons=("panic", "extreme"))
    panic = replace(tight, panic=True, confidence=0.91, direction=-1)

    assert screen(snapshot())[-1].endswith("fair +0.00 bps, aggressive 100%, tail calm")
    assert (
        "ALERT size 45%, spread x2.1 (panic, extreme), panic down 91%"
        in screen(snapshot(symbols=(symbol(), symbol("ETHUSDT", stress=panic))))[-1]
    )
    assert "ALERT size 45%" in plain_line(snapshot(symbols=(symbol(stress=tight),)))
    assert "ALERT" not in plain_line(snapshot())


def test_a_warming_belief_and_an_empty_book_are_said() -> None:
    empty = symbol(book_state="INIT", bid_ticks=0, ask_ticks=0, own_bid_ticks=0, own_ask_ticks=0, belief="WARMING")
    (row,) = [line for line in screen(snapshot(symbols=(empty,))) if "BTCUSDT" in line]

    assert "INIT" in row and "0.31 warming" in row and row.count(" - ") == 4


def test_one_plain_line_a_second_when_it_is_no_terminal() -> None:
    out = io.StringIO()
    with LiveView(RunConfig(), 30.0, file=out) as view:
        for _ in range(5):
            view.update(snapshot())

    (line,) = out.getvalue().splitlines()
    assert line == plain_line(snapshot())
    assert (
        line.split()
        == (
            "12.3s events 123456 BTCUSDT LIVE 61800.1/61800.2 vol 0.31 live pos -12.345 orders 1234 open 12 fills 56 "
            "pnl -12.35 tick_to_order p50 45us p99 1.2ms"
        ).split()
    )


def test_a_terminal_is_redrawn_at_every_update() -> None:
    out = Terminal()
    with LiveView(RunConfig(), 30.0, file=out) as view:
        view.update(snapshot())
        view.update(snapshot(elapsed_s=13.0))

    assert "12.3s of 30s" in out.getvalue() and "13.0s of 30s" in out.getvalue()
    assert out.getvalue().endswith("\x1b[?25h")  # the cursor is back


def test_the_cursor_comes_back_when_the_run_fails() -> None:
    def fail(out: Terminal) -> None:
        with LiveView(RunConfig(), 30.0, file=out) as view:
            view.update(snapshot())
            raise RuntimeError

    out = Terminal()
    with pytest.raises(RuntimeError):
        fail(out)

    assert out.getvalue().endswith("\x1b[?25h")


def test_drawing_is_cheap_enough_for_four_times_a_second() -> None:
    with LiveView(RunConfig(), 30.0, file=Terminal()) as view:
        view.update(snapshot())
        began_s = time.perf_counter()
        for _ in range(10):
            view.update(snapshot())

    assert (time.perf_counter() - began_s) / 10 < 0.1


def test_a_restart_is_shown_while_it_goes_on_and_afterwards() -> None:
    going_on = snapshot(restarts=RestartView(1, "book", True, 0.0))
    over = snapshot(restarts=RestartView(2, "risk", False, 0.4321))

    assert "stage book is being replaced" in screen(going_on)[-1]
    assert "! stage book is being replaced" in plain_line(going_on)
    assert screen(over)[-1].split("  ")[:2] == [" quoting", "2 restarts, last risk: quoting again after 0.43 s"]
    assert "2 restarts, last risk: quoting again after 0.43 s" in plain_line(over)
    assert "restart" not in plain_line(snapshot())


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("span_ns", "text"),
    [(0, "0ns"), (999, "999ns"), (1_000, "1.0us"), (9_960, "10us"), (999_499, "999us"), (999_600, "1.0ms"),
     (45_600_000, "46ms"), (3_400_000_000, "3.4s"), (3_600_000_000_000, "3600s")],
)  # fmt: skip
def test_spans_read_in_five_characters(span_ns: int, text: str) -> None:
    assert format_span(span_ns) == text and len(text) <= 5


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10.0k"), (999_949, "999.9k"), (999_951, "1.00M"), (12_345_678, "12.35M"),
     (123_456_789, "123M")],
)  # fmt: skip
def test_counts_read_in_six_characters(count: int, text: str) -> None:
    assert format_count(count) == text and len(text) <= 6

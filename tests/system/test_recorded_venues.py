"""Recordings of every venue through the real sockets: spot trades, the others are watched; all books are proved."""

from pathlib import Path
from typing import Any

import pytest

from procs.readings import market_frames
from procs.replay import replay_run
from procs.verify import verify_recording
from tests.system.recorded_slices import first_lines, written
from tests.system.starting import Start
from tests.trader.venue_frames import packed

WAIT_S = 120.0
SPOT = "binance/spot_btcusdt_20240808.gz"
SPOT_LINES = 12_000
WATCHED = [
    ("hyperliquid", "hyperliquid/hyperliquid_btcusd_20250126.gz", 60),
    ("kraken_v1", "cryptofeed/KRAKEN.jsonl.zst", 1_500),
    ("okx", "cryptofeed/OKX.jsonl.zst", 300),
]


def result_of(start: Start, recording: Path, *flags: str) -> tuple[dict[str, Any], str]:
    """The result of a run over a whole recording, which must end well, and what it said."""
    run = start.run("--replay", str(recording), *flags)
    code = run.wait(WAIT_S)
    assert code == 0, run.said
    return run.result | {"out": run.out}, run.said


def slice_of(data: Path, name: str, folder: Path, lines: int) -> Path:
    """The first lines of a recording, under a name that says nothing."""
    if not (data / name).exists():
        pytest.skip(f"no recording {data / name}: set TRADER_DATA")
    return first_lines(data / name, folder / "recording", lines)


def assert_traded(found: dict[str, Any]) -> None:
    """Orders were sent and filled, and all books agree."""
    assert found["market"] == "binance.spot"
    assert found["books"]["checked"] > 500
    assert found["books"] | {"checked": 0} == {"checked": 0, "mismatched": 0, "gaps": 0, "resyncs": 0}
    assert found["orders"]["placed"] >= 100
    assert found["orders"]["filled"] >= 5
    assert found["orders"]["unknown"] == 0
    assert found["open_orders"] == {"ours": 0, "venue": 0}
    for pair in found["position"].values():
        assert pair["ours_lots"] == pair["venue_lots"]


def test_a_recorded_spot_market_trades_through_the_sockets_and_replays(
    start: Start, trader_data: Path, tmp_path: Path
) -> None:
    recording = slice_of(trader_data, SPOT, tmp_path, SPOT_LINES)
    found, _ = result_of(start, recording, "--speed", "20")

    assert_traded(found)
    assert found["events"] == SPOT_LINES
    result = replay_run(found["out"])
    assert result.identical, result.first_difference


def test_the_spot_backtest_repeats_itself(start: Start, trader_data: Path, tmp_path: Path) -> None:
    recording = slice_of(trader_data, SPOT, tmp_path, SPOT_LINES)
    flags = ("--placement", "fused", "--speed", "max")
    (first, _), (second, _) = (result_of(start, recording, *flags) for _ in range(2))

    assert_traded(first)
    for key in ("events", "books", "orders", "position", "pnl", "quoted_share", "drops"):
        assert first[key] == second[key], key


def assert_watched(found: dict[str, Any], said: str, market: str) -> None:
    """Books were proved and nothing was sent, and the user was told so."""
    assert found["market"] == market
    assert f"{market}: market data only, no orders" in said
    assert found["books"]["checked"] > 0
    assert found["books"] | {"checked": 0} == {"checked": 0, "mismatched": 0, "gaps": 0, "resyncs": 0}
    assert set(found["orders"].values()) == {0}
    assert found["quoted_share"] == 0.0
    assert found["seconds_to_first_quote"] is None


def checks_of(recording: Path, found: dict[str, Any]) -> int:
    """Checks that a recording allows of the symbols that a run follows."""
    return sum(symbol.checked for symbol in verify_recording(recording).symbols if symbol.symbol in found["position"])


@pytest.mark.parametrize(("market", "name", "lines"), WATCHED)
def test_a_venue_that_is_only_watched_has_live_books_and_no_orders(
    start: Start, trader_data: Path, tmp_path: Path, market: str, name: str, lines: int
) -> None:
    recording = slice_of(trader_data, name, tmp_path, lines)
    found, said = result_of(start, recording, "--speed", "10")

    assert_watched(found, said, market)
    assert found["events"] >= verify_recording(recording).messages
    assert found["books"]["checked"] == checks_of(recording, found)


@pytest.mark.parametrize(("market", "name", "lines"), [row for row in WATCHED if row[0] != "hyperliquid"])
def test_a_feed_that_is_replaced_gets_snapshots_of_what_has_been_played(
    start: Start, trader_data: Path, tmp_path: Path, market: str, name: str, lines: int
) -> None:
    recording = slice_of(trader_data, name, tmp_path, lines)
    run = start.run("--replay", str(recording), "--speed", "4")
    run.until(lambda: run.attached() and market_frames(run.memory) > lines // 4, WAIT_S, "the recording is played")
    run.processes()["feed"].kill()
    run.until(lambda: run.memory.restarts()[0]["count"] == 1, WAIT_S, "the feed is replaced")
    run.seen = run.processes()
    code = run.wait(WAIT_S)

    assert code == 0, run.said
    assert [restart["stage"] for restart in run.result["restarts"]] == ["feed"]
    assert (run.result["books"]["mismatched"], run.result["books"]["gaps"]) == (0, 0)
    assert run.result["books"]["checked"] > checks_of(recording, run.result) // 2, (
        "the books were proved from then on, too"
    )


def hyperliquid_frames(count: int) -> list[bytes]:
    """Books, best quotes and trades of a coin whose price walks."""
    frames = [packed({"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": {}}})]
    for index in range(count):
        middle, time = 60_000 + index % 7, 1_723_161_256_000 + 100 * index
        sides = [[{"px": str(middle - 1 - n), "sz": "1.5", "n": 2} for n in range(5)]]
        sides += [[{"px": str(middle + 1 + n), "sz": "0.25", "n": 1} for n in range(5)]]
        frames.append(packed({"channel": "l2Book", "data": {"coin": "BTC", "time": time, "levels": sides}}))
        quote = {"coin": "BTC", "time": time, "bbo": [sides[0][0], sides[1][0]]}
        frames.append(packed({"channel": "bbo", "data": quote}))
    return frames


def test_a_watched_market_needs_no_recording_from_a_venue(start: Start, tmp_path: Path) -> None:
    recording = written(tmp_path / "recording", hyperliquid_frames(100))
    found, said = result_of(start, recording, "--speed", "5")

    assert_watched(found, said, "hyperliquid")
    assert found["events"] == 201

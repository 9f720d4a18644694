"""The recorded market, twenty times faster than it was: every message, every check, and trading that adds up."""

from pathlib import Path
from typing import Any

import pytest

from procs.replay import replay_run
from procs.topology import LINKS, Full
from tests.system.starting import Start

RECORDING = "binance/usdm_btcusdt_20240808.gz"
EVENTS = 93_954
CHECKS = 6_545
ORDERS_MIN = 200
EXECUTIONS_MIN = 10
QUOTED_SHARE_MIN = 0.8
WAIT_S = 180.0
MAY_LOSE = {link.name for link in LINKS if link.when_full in (Full.DROP, Full.DENY)}


def traded(start: Start, recording: Path, *flags: str) -> dict[str, Any]:
    """The result of a run over the whole recording, which must end well."""
    run = start.run("--replay", str(recording), *flags)
    code = run.wait(WAIT_S)
    assert code == 0, run.said
    found = run.result
    found["out"] = run.out
    return found


def assert_adds_up(found: dict[str, Any]) -> None:
    """What the recording holds, and what a run over it must at least have done."""
    assert found["events"] == EVENTS
    assert found["books"] == {"checked": CHECKS, "mismatched": 0, "gaps": 0, "resyncs": 0}
    assert found["orders"]["placed"] >= ORDERS_MIN
    assert found["orders"]["filled"] >= EXECUTIONS_MIN
    assert found["orders"]["unknown"] == 0
    assert found["open_orders"] == {"ours": 0, "venue": 0}
    for pair in found["position"].values():
        assert pair["ours_lots"] == pair["venue_lots"]
    assert {link: lost for link, lost in found["drops"].items() if lost and link not in MAY_LOSE} == {}


@pytest.mark.parametrize("placement", ["process", pytest.param("fused", marks=pytest.mark.slow)])
def test_the_recorded_market_trades_and_replays(start: Start, trader_data: Path, placement: str) -> None:
    found = traded(start, trader_data / RECORDING, "--speed", "20", "--placement", placement)

    assert_adds_up(found)
    assert found["quoted_share"] >= QUOTED_SHARE_MIN
    result = replay_run(found["out"])
    assert result.identical, result.first_difference


def test_the_backtest_repeats_itself(start: Start, trader_data: Path) -> None:
    flags = ("--placement", "fused", "--speed", "max")
    first, second = (traded(start, trader_data / RECORDING, *flags) for _ in range(2))

    assert_adds_up(first)
    assert first["quoted_share"] >= QUOTED_SHARE_MIN
    for key in ("events", "books", "orders", "position", "pnl", "quoted_share", "drops"):
        assert first[key] == second[key], key

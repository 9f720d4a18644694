"""A user's own strategy: written by `trader init`, traded by `trader run --strategy`, seen in the resting orders."""

import signal
from itertools import pairwise
from pathlib import Path

from procs.readings import record_of
from procs.replay import replay_run
from tests.system.command import Trader
from tests.system.starting import Start
from trader.enums import OrderState, Side

WAIT_S = 30.0
SPACING_TICKS = 12
"""Of the written strategy; the built-in one's grows with its spread."""

LEVELS = 3

Ladder = list[tuple[int, int]]


def resting(run: Trader, side: Side) -> Ladder:
    """(price_ticks, lots) of our open orders on a side, from the lowest."""
    orders = record_of(run.memory, "router", "ROUTER")["orders"]
    ours = orders[(orders["state"] == OrderState.OPEN) & (orders["side"] == side)]
    return sorted(zip(ours["price_ticks"].tolist(), ours["size_lots"].tolist(), strict=True))


def first_ladders(run: Trader) -> list[Ladder]:
    """Both sides as they rest once every level does."""
    found: list[Ladder] = []

    def complete() -> bool:
        found[:] = [resting(run, side) for side in (Side.BUY, Side.SELL)]
        return all(len(ladder) == LEVELS for ladder in found)

    run.until_quoting()
    run.until(complete, WAIT_S, "every level rests")
    return found


def spacings(ladders: list[Ladder]) -> set[int]:
    """Distances between neighbours, in ticks."""
    return {above[0] - below[0] for ladder in ladders for below, above in pairwise(ladder)}


def test_a_written_strategy_trades_and_quotes_as_it_says(start: Start, tmp_path: Path) -> None:
    project = tmp_path / "mine"
    written = start.command("init", str(project))
    assert written.wait(WAIT_S) == 0, written.said
    file = tmp_path / "run.toml"
    file.write_text("[strategy.parameters]\nsize_lots = 7\n")
    own = start.run("--strategy", str(project / "strategy.py"), "--config", str(file))
    ladders = first_ladders(own)
    own.signal(signal.SIGINT)

    assert own.wait(WAIT_S) == 0, own.said
    assert spacings(ladders) == {SPACING_TICKS}
    assert {lots for ladder in ladders for _, lots in ladder} == {7}
    assert own.result["ok"], own.result["problems"]
    result = replay_run(own.out)
    assert result.identical, result.first_difference


def test_the_built_in_strategy_quotes_otherwise(start: Start) -> None:
    run = start.run()
    ladders = first_ladders(run)
    run.signal(signal.SIGINT)

    assert run.wait(WAIT_S) == 0, run.said
    assert SPACING_TICKS not in spacings(ladders)
    assert {lots for ladder in ladders for _, lots in ladder} == {2}
    assert max(ladders[0])[0] < min(ladders[1])[0]

"""A shock in the market, through the whole system on the virtual clock: quotes widen and shrink within a window."""

from dataclasses import dataclass

import msgspec
import pytest

from procs.backtest import Backtest
from procs.config import RunConfig
from trader.exchange.config import ExchangeConfig
from trader.volatility import VolatilityConfig

START_NS = 1_000_000_000
SHOCK_S = 15.0
WINDOW_S = 0.15
TURN_S = 0.06
"""How long the market's events and a timer may take to close a window that is over."""

SEEDS = range(1, 7)


@dataclass(frozen=True)
class Quoted:
    """What was quoted after one estimate. `seconds` since the shock's beginning; spread 0, lots 0: nothing."""

    seconds: float
    spread_ticks: int
    lots: int

    def is_wary(self, calm: "Quoted") -> bool:
        """Wider and with less to lose, or gone."""
        return self.lots == 0 or (self.spread_ticks > 1.2 * calm.spread_ticks and self.lots < calm.lots)


def quoted_around_a_shock(method: str, seed: int) -> list[Quoted]:
    """The fused system with the generated market, from 3 seconds before the shock to 1.5 after."""
    config = msgspec.structs.replace(
        RunConfig(),
        placement="fused",
        speed=0,
        epoch=1,
        wall_offset_ns=1_700_000_000_000_000_000,
        exchange=ExchangeConfig(seed=seed, shock_at_s=SHOCK_S, shock_factor=20.0, log_variance_sd=0.3),
        volatility=VolatilityConfig(method=method),
    )
    run = Backtest(config, START_NS)
    assert run.start()
    own = run.state("strategy")[0]
    quotes, found, seen = own["desk"]["symbols"][0]["quotes"], [], 0
    while (seconds := (run.now_ns - START_NS) / 1e9 - SHOCK_S) < 1.5:
        run.pass_time(5_000_000)
        if own["beliefs"][0]["event_ns"] != seen and seconds > -3:
            spread = int(quotes["ask_ticks"][0] - quotes["bid_ticks"][0])
            found.append(Quoted(seconds, spread, int(quotes["bid_lots"].sum())))
        seen = int(own["beliefs"][0]["event_ns"])
    assert run.failure == ""
    return found


@pytest.fixture(scope="module")
def particle_runs() -> list[list[Quoted]]:
    return [quoted_around_a_shock("particle", seed) for seed in SEEDS]


def test_quotes_widen_or_go_within_the_first_window_that_shows_the_shock(particle_runs) -> None:
    """One return of a window may be small by chance: most runs answer in the first whole window, each in the third."""
    first = 0
    for found in particle_runs:
        calm = max((quoted for quoted in found if quoted.seconds < 0), key=lambda quoted: quoted.spread_ticks)
        after = [quoted for quoted in found if quoted.seconds > 0]
        first += any(quoted.is_wary(calm) for quoted in after if quoted.seconds <= 2 * WINDOW_S + TURN_S)

        assert calm.lots == 6 and calm.spread_ticks > 0
        assert any(quoted.is_wary(calm) for quoted in after if quoted.seconds <= 4 * WINDOW_S + TURN_S)
    assert first >= 4


def test_quotes_stay_wary_while_the_shock_lasts(particle_runs) -> None:
    for found in particle_runs:
        late = [quoted for quoted in found if quoted.seconds > 0.9]

        assert sum(quoted.is_wary(found[0]) for quoted in late) > 0.7 * len(late)


def test_without_a_shock_nothing_is_pulled(particle_runs) -> None:
    calm = [quoted for found in particle_runs for quoted in found if quoted.seconds < 0]

    assert sum(quoted.lots == 6 for quoted in calm) > 0.95 * len(calm)
    assert len(calm) > 100

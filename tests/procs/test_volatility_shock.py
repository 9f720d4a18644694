"""A shock in the market, through the whole system on the virtual clock: quotes widen and shrink within a window."""

from dataclasses import dataclass

import msgspec
import pytest

from procs.backtest import Backtest
from procs.config import RunConfig
from trader.exchange.config import ExchangeConfig
from trader.volatility import VolatilityConfig

START_NS = 1_000_000_000
SHOCK_S = 8.0
CALM_S = 1.7
"""After forty windows the estimate has replaced the prior; the rest is looked at."""
WINDOW_S = 0.15
TURN_S = 0.06
"""How long the market's events and the strategy's timer may take to show what has happened."""

SEEDS = range(1, 4)


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
    """The fused system with the generated market up to a second and a half after the shock.

    The shock comes at another place of a window for every seed.
    """
    shock_s = SHOCK_S + WINDOW_S * (seed % 5) / 5
    config = msgspec.structs.replace(
        RunConfig(),
        placement="fused",
        speed=0,
        epoch=1,
        wall_offset_ns=1_700_000_000_000_000_000,
        exchange=ExchangeConfig(seed=seed, shock_at_s=shock_s, shock_factor=20.0, log_variance_sd=0.3),
        volatility=VolatilityConfig(method=method),
    )
    run = Backtest(config, START_NS)
    assert run.start()
    own = run.state("strategy")[0]
    quotes, found, seen = own["desk"]["symbols"][0]["quotes"], [], 0
    while (seconds := (run.now_ns - START_NS) / 1e9 - shock_s) < 1.5:
        run.pass_time(5_000_000)
        if own["beliefs"][0]["event_ns"] != seen and seconds > -CALM_S:
            spread = int(quotes["ask_ticks"][0] - quotes["bid_ticks"][0])
            found.append(Quoted(seconds, spread, int(quotes["bid_lots"].sum())))
        seen = int(own["beliefs"][0]["event_ns"])
    assert run.failure == ""
    return found


@pytest.fixture(scope="module")
def particle_runs() -> list[list[Quoted]]:
    return [quoted_around_a_shock("particle", seed) for seed in SEEDS]


def first_wary_s(found: list[Quoted]) -> float:
    """How long after the shock quotes are first wider than any before it and cut, or gone."""
    calm = max((quoted for quoted in found if quoted.seconds < 0), key=lambda quoted: quoted.spread_ticks)
    assert calm.lots == 6 and calm.spread_ticks > 0
    return min(quoted.seconds for quoted in found if quoted.seconds > 0 and quoted.is_wary(calm))


def test_quotes_widen_and_shrink_within_a_window_of_the_shock(particle_runs) -> None:
    assert all(first_wary_s(found) <= WINDOW_S + TURN_S for found in particle_runs)


def test_quotes_stay_wary_while_the_shock_lasts(particle_runs) -> None:
    for found in particle_runs:
        late = [quoted for quoted in found if quoted.seconds > 0.9]

        assert sum(quoted.is_wary(found[0]) for quoted in late) > 0.7 * len(late)


def test_without_a_shock_nothing_is_pulled(particle_runs) -> None:
    calm = [quoted for found in particle_runs for quoted in found if quoted.seconds < 0]

    assert sum(quoted.lots == 6 for quoted in calm) > 0.95 * len(calm)
    assert len(calm) >= 30


@pytest.mark.slow
def test_many_shocks_are_answered_within_a_window_and_all_within_the_first_whole_one() -> None:
    """The generated market's mid is sometimes slow to leave its place: then there is nothing to be seen as yet."""
    waited = [first_wary_s(quoted_around_a_shock("particle", seed)) for seed in range(1, 61)]

    assert sum(seconds <= WINDOW_S + TURN_S for seconds in waited) >= 0.88 * len(waited)
    assert max(waited) <= 2 * WINDOW_S + TURN_S

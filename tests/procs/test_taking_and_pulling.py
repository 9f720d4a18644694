"""Through all stages, on the virtual clock: orders that take pass within their cost, risk alone pulls quotes."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from procs.backtest import Backtest
from procs.config import RunConfig
from tests.trader.risk_records import limits
from trader.enums import InstrumentStatus, OrderState, RefusalReason
from trader.exchange.config import ExchangeConfig
from trader.exchange.fault_config import FaultsConfig
from trader.strategy.config import StrategyConfig
from trader.volatility import VolatilityConfig

START_NS = 1_000_000_000
S = 1_000_000_000


def played(seconds: float, parameters: dict[str, float], exchange: ExchangeConfig, **changes: int) -> Backtest:
    """The fused system with the stubborn strategy on the generated market."""
    own = StrategyConfig(file=str(Path(__file__).with_name("stubborn_strategy.py")), parameters=parameters)
    config = msgspec.structs.replace(
        RunConfig(),
        placement="fused",
        speed=0,
        epoch=1,
        wall_offset_ns=1_700_000_000 * S,
        strategy=own,
        risk=limits(price_collar_bps=500, position_lots_max=10_000, **changes),
        exchange=exchange,
        volatility=VolatilityConfig(method="ewma"),
    )
    run = Backtest(config, START_NS)
    assert run.start()
    run.pass_time(round(seconds * S))
    assert run.failure == ""
    return run


def agrees(run: Backtest) -> bool:
    """Whether risk, router, strategy and the exchange's ledger hold the same position."""
    ledger = run.state("exchange")[0]["venue"]["account"]["ledger"][0]
    held = (
        run.state("risk")[0]["risk"]["symbols"][0]["position"]["lots"],
        run.state("router")[0]["router"]["position_lots"][0],
        run.state("strategy")[0]["desk"]["symbols"][0]["ledger"]["lots"],
    )
    return all(lots == ledger["position_lots"] for lots in held)


@pytest.fixture(scope="module")
def taken() -> Backtest:
    return played(8.0, {"take_lots": 20}, ExchangeConfig(seed=5), slippage_bps_max=20)


def test_an_order_that_takes_passes_all_stages_and_is_filled(taken: Backtest) -> None:
    risk, router = taken.state("risk")[0]["risk"], taken.state("router")[0]["router"]
    symbol, account = risk["symbols"][0], taken.state("exchange")[0]["venue"]["account"]
    fills = account["fills"][: int(account["fill_count"])]

    assert symbol["volume_lots_per_s"] > 0
    assert risk["approved"] == router["acked"] >= 10
    assert router["filled"] == risk["fills"] == len(fills) >= 10
    assert not np.any(fills["is_maker"])
    assert agrees(taken)
    assert risk["open_orders"] == router["open_orders"] == 0


def test_before_volume_is_known_nothing_is_taken(taken: Backtest) -> None:
    """The first of them come before a second of trades was seen, and before the book has a reference."""
    risk = taken.state("risk")[0]["risk"]
    assert risk["refused_by_reason"][RefusalReason.SLIPPAGE] >= 1
    assert risk["refused"] == risk["refused_by_reason"][RefusalReason.SLIPPAGE]


def test_what_would_cost_more_than_its_limit_is_refused_every_time() -> None:
    thin = ExchangeConfig(seed=5, order_lots_median=2.0, volatility_bps=3.0)
    run = played(6.0, {"take_lots": 900}, thin, slippage_bps_max=1)
    risk = run.state("risk")[0]["risk"]

    assert risk["symbols"][0]["volume_lots_per_s"] > 0
    assert (risk["approved"], run.state("exchange")[0]["venue"]["account"]["fill_count"]) == (0, 0)
    assert risk["refused_by_reason"][RefusalReason.SLIPPAGE] == risk["refused"] >= 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_quotes_that_the_market_leaves_are_pulled_although_the_strategy_holds_on_to_them(seed: int) -> None:
    shock = ExchangeConfig(seed=seed, shock_at_s=4.0, shock_factor=30.0, log_variance_sd=0.3)
    run = played(8.0, {"quote_lots": 2}, shock, pull_deviations=8, pull_through_ticks=20)
    risk, router = run.state("risk")[0]["risk"], run.state("router")[0]["router"]
    orders = risk["orders"][: run.state("strategy")[0]["arena"]["capacity"]]
    pulled = orders[orders["pulled"] == 1]

    assert risk["pulls"] >= 1
    assert risk["pulled"] >= 1
    assert not np.any(np.isin(pulled["state"], (OrderState.OPEN, OrderState.PARTIAL)))
    assert router["cancels_asked"] >= risk["pulled"]
    assert agrees(run)


def test_a_halted_instrument_gets_no_orders_halts_nobody_and_is_quoted_again() -> None:
    faults = FaultsConfig(seed=3, after_s=3.0, heal_after_s=9.0, halt_per_s=0.4, halt_ms=1_500.0)
    run = played(9.0, {"take_lots": 5}, ExchangeConfig(seed=7, faults=faults), slippage_bps_max=50, rejects_max=2)
    risk, venue = run.state("risk")[0]["risk"], run.state("exchange")[0]["venue"]
    approved = int(risk["approved"])

    assert venue["faults"]["halt_count"] >= 1
    assert risk["refused_by_reason"][RefusalReason.NOT_TRADING] >= 3
    assert risk["halts"] == 0
    run.pass_time(8 * S)
    assert risk["symbols"][0]["status"] == InstrumentStatus.TRADING
    assert risk["symbols"][0]["venue_mark2_ticks"] == pytest.approx(risk["symbols"][0]["mark2_ticks"], rel=1e-3)
    assert risk["approved"] > approved
    assert run.failure == ""
    assert agrees(run)

"""What a fault schedule is made of: a configuration that is full of events, and faults in seeded mixtures."""

import random
from pathlib import Path

import msgspec

from procs.config import RunConfig
from tests.trader.risk_records import limits
from trader.exchange.config import ExchangeConfig
from trader.exchange.fault_config import FaultsConfig
from trader.feed.config import FeedConfig
from trader.pacing import PacingConfig
from trader.router.config import RouterConfig
from trader.strategy.config import StrategyConfig

S = 1_000_000_000
SHARES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4)


def configuration(symbols: int = 1) -> RunConfig:
    """Tight limits and short patience, so that a second is full of events."""
    return RunConfig(
        symbols=("BTCUSDT", "ETHUSDT")[:symbols],
        epoch=1,
        wall_offset_ns=1_700_000_000 * S,
        strategy=StrategyConfig(
            file=str(Path(__file__).with_name("restless.py")),
            requote_ticks=0,
            position_lots_max=60,
            refusal_pause_ms=5,
            cancel_retry_ms=50,
            book_age_ms_max=5_000,
        ),
        risk=limits(
            order_lots_max=3,
            order_notional_max=2_000,
            position_lots_max=14,
            open_orders_max=5,
            price_collar_bps=50,
            book_age_ms_max=150,
        ),
        router=RouterConfig(
            cancel_retry_ms=60,
            owed_fills_ms=100,
            reconnect_ms_min=10,
            reconnect_ms_max=400,
            breaker_open_ms=300,
            batch_size_max=4,
            orders_check_ms=250,
            position_check_ms=500,
            pacing=PacingConfig(
                orders_per_s=2_000, orders_burst=500, account_per_s=100, account_burst=50, executions_per_s=100
            ),
        ),
        feed=FeedConfig(backoff_ms_max=400, silence_ms_max=1_000),
        exchange=ExchangeConfig(events_per_second=900.0, volatility_bps=3.0, order_lots_median=6.0),
    )


def faults_of(dice: random.Random) -> FaultsConfig:
    """A mixture: each kind of fault is in some schedules only, seldom or often. In one of ten the venue also lies."""
    honest = _honest_faults(dice)
    if dice.random() > 0.1:
        return honest
    # What is denied comes later, unless the connection is lost meanwhile: then nothing would tell of it.
    never = dict.fromkeys(("cut_per_s", "restart_per_s", "silence_per_s", "hang_per_s", "drop"), 0.0)
    return msgspec.structs.replace(honest, fill_before_cancel=0.4, deny_fill=dice.choice((0.1, 0.5)), **never)


def _honest_faults(dice: random.Random) -> FaultsConfig:

    def share(chance: float) -> float:
        return dice.choice(SHARES) if dice.random() < chance else 0.0

    def rate(chance: float) -> float:
        return dice.choice((0.7, 2.0, 6.0)) if dice.random() < chance else 0.0

    return FaultsConfig(
        seed=dice.getrandbits(60),
        after_s=dice.choice((0.0, 0.15, 0.3)),
        delay=share(0.7),
        delay_ms=dice.choice((5.0, 30.0, 150.0, 600.0)),
        late=share(0.4),
        late_ms=dice.choice((20.0, 200.0, 2_000.0)),
        reorder=share(0.4),
        duplicate=share(0.4),
        drop=share(0.4),
        lose_request=share(0.3),
        lose_reply=share(0.3),
        doubt=share(0.3),
        reject=share(0.25),
        fill_at_once=share(0.5),
        fill_before_cancel=share(0.5),
        rest_error=share(0.3),
        rest_lost=share(0.15),
        silence_per_s=rate(0.2),
        silence_s=dice.choice((0.1, 0.5, 2.0)),
        hang_per_s=rate(0.25),
        hang_ms=dice.choice((50.0, 200.0, 800.0)),
        cut_per_s=rate(0.3),
        restart_per_s=rate(0.2),
        restart_ms=dice.choice((20.0, 200.0, 700.0)),
        orders_per_10s=dice.choice((0, 0, 0, 60)),
        weight_per_minute=dice.choice((0, 0, 0, 150)),
        halt_per_s=rate(0.15),
        halt_ms=dice.choice((30.0, 300.0, 1_500.0)),
    )

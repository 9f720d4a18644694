"""Traded volume: the rate of lots against a plain sum, from the first seconds on, on the venue's clock."""

import math
import random

import pytest

from shm.kernel import new_record
from trader.volatility.traded_volume import SEEN_S_MIN, VOLUME, configure_volume, lots_per_s, observe_trade

S = 1_000_000_000
START_NS = 1_700_000_000 * S
HALF_LIFE_S = 60.0


def fresh():
    volume = new_record(VOLUME)
    configure_volume(volume[0], HALF_LIFE_S)
    return volume[0]


def plain(trades: list[tuple[int, int]], now_ns: int) -> float:
    """The rate by its definition: decayed lots over the decayed time since the first trade."""
    rate = math.log(2.0) / HALF_LIFE_S
    lots = sum(size * math.exp(-rate * (now_ns - at_ns) / S) for at_ns, size in trades)
    return lots / ((1.0 - math.exp(-rate * (now_ns - trades[0][0]) / S)) / rate)


def test_the_rate_is_the_decayed_lots_over_the_decayed_time() -> None:
    dice, volume, trades, now_ns = random.Random(3), fresh(), [], START_NS
    for _ in range(400):
        now_ns += dice.randint(0, S)
        trades.append((now_ns, dice.randint(1, 50)))
        observe_trade(volume, *trades[-1])
    later_ns = now_ns + 7 * S

    assert lots_per_s(volume, later_ns) == pytest.approx(plain(trades, later_ns), rel=1e-9)


def test_a_steady_market_is_told_from_the_first_seconds_on_and_forgotten_when_it_falls_silent() -> None:
    volume = fresh()
    for tenth in range(1, 31):
        observe_trade(volume, START_NS + tenth * S // 10, 2)

    assert lots_per_s(volume, START_NS + 3 * S) == pytest.approx(20.0, rel=0.05)
    silent = [lots_per_s(volume, START_NS + seconds * S) for seconds in (3, 30, 300, 3_000)]
    assert silent == sorted(silent, reverse=True)
    assert silent[-1] < 1e-6


def test_nothing_is_said_before_enough_was_seen() -> None:
    volume = fresh()
    assert lots_per_s(volume, START_NS) == 0.0
    observe_trade(volume, START_NS, 5)
    almost_ns = START_NS + int(SEEN_S_MIN * S)

    assert lots_per_s(volume, almost_ns) == 0.0, "decayed, not quite so long"
    assert lots_per_s(volume, almost_ns + S // 10) > 0.0


def test_a_trade_from_before_the_newest_counts_as_that() -> None:
    volume, same = fresh(), fresh()
    for one in (volume, same):
        observe_trade(one, START_NS, 1)
        observe_trade(one, START_NS + 2 * S, 3)
    observe_trade(volume, START_NS + S, 4)
    observe_trade(same, START_NS + 2 * S, 4)

    assert lots_per_s(volume, START_NS + 3 * S) == lots_per_s(same, START_NS + 3 * S) > 0.0

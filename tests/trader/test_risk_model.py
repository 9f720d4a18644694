"""Risk: every decision equals a naive model's, and no worst case ever passes its limit."""

import random
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from tests.trader.risk_records import (
    AGE_NS_MAX,
    MARK_AGE_NS_MAX,
    TICK_VALUE_E8,
    account,
    intent,
    message,
    ready_risk,
    report,
    top,
    trades,
)
from trader.enums import BookState, OrderState, ReportKind, TimeInForce
from trader.enums import RefusalReason as R
from trader.messages import VolatilityEstimate
from trader.risk.checks import decide
from trader.risk.facts import apply_account, apply_instrument, apply_report
from trader.risk.market import apply_top, apply_volatility


@dataclass
class Model:
    """What the checks say, in plain Python over a dict of live orders."""

    position: int = 0
    bid: int = 49_995
    ask: int = 50_005
    book_state: int = BookState.LIVE
    received_ns: int = 0
    mid: Fraction = Fraction(50_000)
    mid_ns: int = 0
    mark: Fraction = Fraction(0)
    mark_ns: int = 0
    newest: int = 0
    live: dict[int, dict] = field(default_factory=dict)

    def reason(self, order: dict, now_ns: int) -> R:
        if order["size"] < 1 or order["price"] < 1 or order["size"] > 1_000 or order["size"] * order["price"] < 10_000:
            return R.INVALID_ORDER
        if order["counter"] <= self.newest:
            return R.DUPLICATE_ID
        self.newest = order["counter"]
        if order["slot"] in self.live:
            return R.DUPLICATE_ID
        if order["size"] > 20:
            return R.QUANTITY
        if order["size"] * order["price"] * TICK_VALUE_E8 > 100 * 10**8:
            return R.NOTIONAL
        return self.market_reason(order, now_ns) or self.exposure_reason(order)

    def market_reason(self, order: dict, now_ns: int) -> R:
        reference = self.mid
        if self.book_state != BookState.LIVE or now_ns - self.mid_ns > AGE_NS_MAX:
            if self.mark == 0 or now_ns - self.mark_ns > MARK_AGE_NS_MAX:
                return R.NO_REFERENCE
            reference = self.mark
        if abs(order["price"] - reference) / reference > Fraction(100, 10_000):
            return R.PRICE_COLLAR
        if self.book_state != BookState.LIVE or now_ns - self.received_ns > AGE_NS_MAX or self.ask <= self.bid:
            return R.STALE_DATA
        touch_crossed = order["price"] >= self.ask if order["side"] > 0 else order["price"] <= self.bid
        if order["tif"] == TimeInForce.POST_ONLY and touch_crossed:
            return R.WOULD_CROSS
        return R.NONE

    def exposure_reason(self, order: dict) -> R:
        others = [one for one in self.live.values() if one["side"] != order["side"]]
        if any((order["price"] - one["price"]) * order["side"] >= 0 for one in others):
            return R.SELF_TRADE
        if len(self.live) >= 4:
            return R.OPEN_ORDERS
        if self.worst(order["side"]) + order["size"] > 60:
            return R.POSITION
        return R.NONE

    def worst(self, side: int) -> int:
        return side * self.position + sum(one["leaves"] for one in self.live.values() if one["side"] == side)


def random_order(rng: random.Random, counter: int) -> dict:
    return {
        "counter": counter - (rng.random() < 0.03),
        "slot": rng.randint(0, 11),
        "side": rng.choice((1, -1)),
        "price": rng.choice((rng.randint(49_900, 50_100), rng.randint(49_400, 50_600), rng.randint(0, 60_000))),
        "size": rng.choice((rng.randint(1, 20), rng.randint(10, 22), rng.randint(0, 1_002))),
        "tif": rng.randint(0, 2),
    }


def advance_orders(rng: random.Random, risk: np.ndarray, model: Model, records: dict, trade_id: int) -> None:
    slot = rng.choice(sorted(model.live))
    order, record = model.live[slot], records[slot]
    what = rng.random()
    if what < 0.3:
        apply_report(risk[0], report(record, ReportKind.ACK, OrderState.OPEN)[0], 0)
    elif what < 0.7:
        lots = rng.randint(1, order["leaves"])
        order["leaves"] -= lots
        state = OrderState.PARTIAL if order["leaves"] else OrderState.FILLED
        fill = report(record, ReportKind.FILL, state, lots=lots, trade_id=trade_id)
        for _ in range(rng.randint(1, 2)):
            apply_report(risk[0], fill[0], 0)
        model.position += order["side"] * lots
        if not order["leaves"]:
            del model.live[slot]
    else:
        apply_report(risk[0], report(record, ReportKind.CANCELED, OrderState.CANCELED)[0], 0)
        del model.live[slot]


@pytest.mark.parametrize("seed", range(4))
def test_random_sessions_agree_with_a_naive_model_and_stay_within_limits(seed):
    rng = random.Random(seed)
    risk, model, now_ns = ready_risk(), Model(), 0
    calm = {"volatility_bps": 0.001, "volume_lots_per_s": 1e6}
    apply_volatility(risk[0], message(VolatilityEstimate, **calm)[0])
    records: dict[int, np.ndarray] = {}
    met = set()
    for counter in range(1, 4_000):
        now_ns += rng.choice((0, 10**7, 10**8))
        if rng.random() < 0.4:
            model.bid = rng.randint(49_950, 50_000)
            model.ask = model.bid + rng.choice((1, 5, 10, 20, 0))
            model.book_state = BookState.LIVE if rng.random() < 0.95 else rng.randint(0, 3)
            model.received_ns = now_ns
            if model.book_state == BookState.LIVE and model.ask > model.bid:
                model.mid, model.mid_ns = Fraction(model.bid + model.ask, 2), now_ns
            if rng.random() < 0.02:
                model.mark, model.mark_ns = Fraction(rng.randint(99_800, 100_200), 2), now_ns
                apply_instrument(risk[0], trades(mark2_ticks=int(2 * model.mark), mark_ns=now_ns)[0])
            newest = top(model.bid, model.ask, model.book_state)
            newest["event_ns"] = now_ns
            apply_top(risk[0], newest[0], now_ns)
            apply_account(risk[0], account(position_lots=model.position, balance_ns=now_ns + 1)[0])
        order = random_order(rng, counter)
        record = intent(
            order["counter"], order["slot"], order["side"], order["price"], order["size"], time_in_force=order["tif"],
            flags=1, level=order["slot"],
        )  # fmt: skip
        expected = model.reason(order, now_ns)
        actual = R(decide(risk[0], record[0], now_ns))

        assert expected == actual, (counter, order)
        met.add(actual)
        if actual == R.NONE:
            model.live[order["slot"]] = {**order, "leaves": order["size"]}
            records[order["slot"]] = record
        while model.live and rng.random() < 0.4:
            counter_key = int(rng.random() * 2**40)
            advance_orders(rng, risk, model, records, counter_key)
        symbol = risk["symbols"][0, 0]
        assert model.position == symbol["position"]["lots"]
        assert model.worst(1) == symbol["position"]["lots"] + symbol["buys"]["leaves_lots"] <= 60
        assert model.worst(-1) == symbol["sells"]["leaves_lots"] - symbol["position"]["lots"] <= 60
        assert len(model.live) == risk["open_orders"][0] <= 4
    assert met >= {
        R.NONE,
        R.INVALID_ORDER,
        R.DUPLICATE_ID,
        R.QUANTITY,
        R.NOTIONAL,
        R.STALE_DATA,
        R.PRICE_COLLAR,
        R.NO_REFERENCE,
    }
    assert met >= {R.WOULD_CROSS, R.SELF_TRADE, R.OPEN_ORDERS, R.POSITION}

"""Records that tests of risk feed it with: a market, intents, reports, and a state that is ready to trade."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from shm.codec import record_dtype
from shm.kernel import new_record
from trader.enums import BookState, InstrumentStatus, RefusalReason
from trader.instrument import INSTRUMENT
from trader.messages import AccountState, BookTop, ExecutionReport, InstrumentState, OrderIntent
from trader.orders import pack_client_order_id
from trader.risk.checks import decide
from trader.risk.exposure import reset_exposure
from trader.risk.facts import apply_account, apply_instrument
from trader.risk.limits import RiskConfig, fill_bounds, fill_limits
from trader.risk.market import apply_top
from trader.risk.state import PARITY, RISK

EPOCH = 3
TICK_VALUE_E8 = 10_000
FREE_E8 = 10**9 * 10**8

WIDE = RiskConfig(
    order_lots_max=1_000,
    order_notional_max=200_000,
    open_orders_max=64,
    open_orders_side_max=64,
    account_orders_max=4_096,
    open_notional_max=10**8,
    position_lots_max=1_000,
    position_notional_max=10**8,
    account_notional_max=10**9,
    price_collar_bps=500,
    price_travel_bps=10_000,
    slippage_bps_max=100,
    book_age_ms_max=500,
    event_age_ms_max=60_000,
    mark_age_ms_max=2_000,
    book_epochs_max=10**6,
    balance_age_ms_max=60_000,
    margin_bps=100,
    margin_buffer_bps=1,
    orders_per_s_max=10**6,
    orders_burst_max=10**6,
    duplicate_ms=50,
    executions_max=4_096,
    executions_window_ms=1_000,
    rejects_max=1_000,
    pull_through_ticks=10**9,
    pull_deviations=1_000,
    pull_window_ms=200,
    pull_hold_ms=100,
    loss_soft_max=10**9,
    loss_hard_max=10**9,
    drawdown_soft_max=10**9,
    drawdown_hard_max=10**9,
)
"""Every limit set, most of them where nothing meets them."""


def limits(of: RiskConfig = WIDE, **changes: Any) -> RiskConfig:
    """The same with some limits changed."""
    return msgspec.structs.replace(of, **changes)


CONFIG = limits(
    order_lots_max=20,
    order_notional_max=100,
    position_lots_max=60,
    open_orders_max=4,
    price_collar_bps=100,
)
AGE_NS_MAX = 500_000_000
MARK_AGE_NS_MAX = 2_000_000_000


def stage_config(risk: RiskConfig = WIDE) -> SimpleNamespace:
    """What the risk stage reads of a run's configuration."""
    return SimpleNamespace(
        symbols=["BTCUSDT"], risk=risk, speed=1.0, build=0, wall_offset_ns=0, day_pnl_e8=0, day_peak_e8=0
    )


def instrument(symbol_id: int = 0, symbol: bytes = b"BTCUSDT") -> np.ndarray:
    row = new_record(INSTRUMENT)
    row["symbol_id"] = symbol_id
    row["tick_multiple"] = row["lot_multiple"] = 1
    row["price_decimals"], row["size_decimals"] = 1, 3
    row["size_lots_min"], row["size_lots_max"] = 1, 1_000
    row["notional_e8_min"] = 10**8
    row["tick_value_e8"] = TICK_VALUE_E8
    row["symbol_length"] = len(symbol)
    row["symbol"][0, : len(symbol)] = np.frombuffer(symbol, np.uint8)
    return row


def fresh_risk(config: RiskConfig = CONFIG, symbols: int = 1) -> np.ndarray:
    risk = new_record(RISK)
    reset_exposure(risk[0], symbols)
    for symbol_id in range(symbols):
        symbol = risk[0]["symbols"][symbol_id]
        fill_limits(symbol["configured"], config, instrument(symbol_id)[0])
        symbol["limits"] = symbol["configured"]
    fill_bounds(risk[0]["configured"], config)
    risk[0]["bounds"] = risk[0]["configured"]
    return risk


def message(schema, /, **fields) -> np.ndarray:
    record = new_record(record_dtype(schema))
    for name, value in fields.items():
        record[name] = value
    return record


def top(bid: int, ask: int, state: int = BookState.LIVE, symbol_id: int = 0, lots: int = 1) -> np.ndarray:
    record = message(BookTop, symbol_id=symbol_id, state=state, epoch=1)
    record["bid_ticks"][0, 0], record["ask_ticks"][0, 0] = bid, ask
    record["bid_lots"][0, 0] = record["ask_lots"][0, 0] = lots
    return record


def intent(counter: int, slot: int, side: int = 1, price: int = 49_990, size: int = 5, **more) -> np.ndarray:
    fields = {
        "client_order_id": pack_client_order_id(EPOCH, 1, counter, slot),
        "order_slot": slot,
        "side": side,
        "price_ticks": price,
        "size_lots": size,
        "book_epoch": 1,
        **more,
    }
    return message(OrderIntent, **fields)


def report(of: np.ndarray, kind: int, state: int, lots: int = 0, trade_id: int = 0, **more) -> np.ndarray:
    fields = {name: of[name][0] for name in ("client_order_id", "order_slot", "side", "price_ticks", "size_lots")}
    fields |= {"kind": kind, "state": state, "last_lots": lots, "trade_id": trade_id, "venue_order_id": 1}
    return message(ExecutionReport, **(fields | {"last_ticks": of["price_ticks"][0]} | more))


def account(symbol_id: int = 0, **more: Any) -> np.ndarray:
    told = {"reconciled": 1, "epoch": EPOCH, "free_e8": FREE_E8, "balance_ns": 1}
    return message(AccountState, symbol_id=symbol_id, **(told | more))


def trades(symbol_id: int = 0, **more: Any) -> np.ndarray:
    """The venue's word that it trades an instrument."""
    return message(InstrumentState, symbol_id=symbol_id, **({"status": InstrumentStatus.TRADING} | more))


def ready_risk(config: RiskConfig = CONFIG, symbols: int = 1) -> np.ndarray:
    risk = fresh_risk(config, symbols)
    risk["parity"] = PARITY
    for symbol_id in range(symbols):
        apply_instrument(risk[0], trades(symbol_id)[0])
        apply_account(risk[0], account(symbol_id)[0])
        apply_top(risk[0], top(49_995, 50_005, symbol_id=symbol_id)[0], 0)
    return risk


def refusal(risk: np.ndarray, wanted: np.ndarray, now_ns: int = 0) -> tuple[RefusalReason, int, int]:
    reason = RefusalReason(decide(risk[0], wanted[0], now_ns))
    return reason, int(risk["found"][0]), int(risk["allowed"][0])

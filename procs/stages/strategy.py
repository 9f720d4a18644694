"""The strategy stage: book and belief in, order intents and cancels out.

    BookTop, VolatilityEstimate, an order's end, the timer, a panic's begin or end, advice
        -> begin -> the strategy's quote, by address -> restrain, if advised -> settle -> a line: place, cancel, keep

Quotes may rest only while the supervisor says RUN, the venue's account is reconciled and the book is LIVE,
two-sided and fresh, and the estimate of its volatility is neither DOUBTED nor too old; otherwise everything that rests
is cancelled. The strategy itself is the built-in one or a
user's file (procs.strategy_file); its states live in this stage's state, one per symbol.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from procs.market_beliefs import BAD_FRAME, hear, is_trusted
from procs.ports import acknowledge, cancel, first_field_byte, receive, send
from procs.strategy_file import BELIEF, BOOK, ESTIMATE, FILE_BYTES_MAX, STATE_BYTES_MAX, install, install_again
from shm.codec import record_dtype
from shm.kernel import address_of, kernel, load_u8, new_record, view
from shm.kernel import step as compiled_step
from shm.memory import call_entry
from shm.order_arena import ARENA, NONE, SLOTS, format_arena, give_back, skip_to, take
from trader.compile_hints import never_inlined
from trader.enums import Command
from trader.instrument import INSTRUMENT, INSTRUMENTS_MAX
from trader.messages import (
    ACCOUNT_STATE,
    BOOK_TOP,
    CONTROL,
    EXECUTION_REPORT,
    ORDER_REFUSAL,
    SIGNAL_ESTIMATE,
    TAIL_RISK_ADVICE,
    TIMER,
    VOLATILITY_ESTIMATE,
    AccountState,
    BookTop,
    Control,
    ExecutionReport,
    OrderIntent,
    OrderRefusal,
    SignalEstimate,
    TailRiskAdvice,
)
from trader.orders import ORDER_SLOTS_MAX, STAGE_STRATEGY, generations, order_slot_of
from trader.strategy import LEVELS_MAX, StrategyConfig
from trader.strategy.account import on_account, on_refusal, on_report
from trader.strategy.desk import CANCEL, PLACE, begin, end_step, settle, settle_none, takes, verdict
from trader.strategy.lines import DESK, TAKER, TAKER_LEVEL, ask_cancel, free_line, line_of, take_line
from trader.strategy.restraint import is_restrained, restrain, trust
from trader.volatility import VolatilityConfig
from trader.volatility.estimate import ESTIMATOR, configure, write_estimate

OUTBOXES = ("strategy_risk", "strategy_cancels")
OUT_RISK, OUT_CANCELS = range(2)

SLOTS_RESTING = 235
"""Slots more than there can be orders: as many others go out before one is used again, and late words about its last
order still find it. Not all that there are: every table of orders is indexed by slot, and stays in the caches."""

TIMER_NS = 100_000_000
"""Retries after a pause, cancels that nothing answered, books that fell silent."""

SYMBOL_BYTE = first_field_byte(BookTop)
"""Of a BookTop's symbol_id: it says which record to decode into."""

STATES = np.dtype([("words", "i8", (STATE_BYTES_MAX // 8,))], align=True)

STATE = np.dtype(
    [
        ("quote_entry", "i8"),
        ("stride_bytes", "i8"),
        ("source_hash", "i8"),
        ("belief_age_ns_max", "i8"),
        ("position_lots_max", "i8"),
        ("quote_calls", "i8"),
        ("doubts", "i8"),
        ("belief", ESTIMATE),
        ("signal", record_dtype(SignalEstimate)),
        ("advice", record_dtype(TailRiskAdvice)),
        ("report", record_dtype(ExecutionReport)),
        ("refusal", record_dtype(OrderRefusal)),
        ("account", record_dtype(AccountState)),
        ("control", record_dtype(Control)),
        ("intent", record_dtype(OrderIntent)),
        ("desk", DESK),
        ("arena", ARENA),
        ("tops", BOOK, (INSTRUMENTS_MAX,)),
        ("beliefs", BELIEF, (INSTRUMENTS_MAX,)),
        ("doubted", "i8", (INSTRUMENTS_MAX,)),
        ("states", STATES),
        ("file", "u1", (FILE_BYTES_MAX,)),
    ],
    align=True,
)
"""`belief`, `signal`, ...: the message in hand; `tops`, `beliefs`: the newest per symbol; `states`: the strategy's own.
`position_lots_max`: as configured. `doubted`: symbols whose belief is not quoted on; `doubts`: how often that began.

`file` and `source_hash` say which strategy it is (empty and 0: built in), so that a replay finds it again.
`arena`: the orders' slots; a handle of it is the order's client order id."""

assert INSTRUMENTS_MAX <= 256, "one byte names a symbol"
assert SLOTS == ORDER_SLOTS_MAX, "an arena's handle is a client order id"


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: the desk, the prior beliefs, the strategy's first states and its entry."""
    own, settings = state[0], config.strategy
    desk = own["desk"]
    desk["symbol_count"] = len(instruments)
    desk["requote_ticks"] = settings.requote_ticks
    desk["refusal_pause_ns"] = settings.refusal_pause_ms * 1_000_000
    desk["reject_pause_ns"] = settings.reject_pause_ms * 1_000_000
    desk["cancel_retry_ns"] = settings.cancel_retry_ms * 1_000_000
    desk["book_age_ns_max"] = settings.book_age_ms_max * 1_000_000
    own["belief_age_ns_max"] = settings.belief_age_ms_max * 1_000_000
    own["position_lots_max"] = settings.position_lots_max
    lines = (2 * LEVELS_MAX + 1) * len(instruments)
    # No generation, so no order before the account has named the epoch.
    format_arena(own["arena"], min(lines + SLOTS_RESTING, SLOTS), last=0)
    for index, instrument in enumerate(instruments):
        symbol = desk["symbols"][index]
        symbol["venue_id"] = instrument["venue_id"]
        position = symbol["position"]
        position["symbol_id"] = index
        position["position_lots_max"] = settings.position_lots_max
        for name in ("tick_value_e8", "size_lots_min", "notional_e8_min"):
            position[name] = instrument[name]
        estimator = np.zeros(1, ESTIMATOR)
        configure(estimator, config.volatility)
        write_estimate(estimator[0], own["beliefs"][index])
        trust(own["beliefs"][index])
        own["beliefs"][index]["symbol_id"] = index
    install(own, settings, len(instruments))


def relink(state: np.ndarray) -> None:
    """Write this process's address of the strategy's compiled `quote` into a state that came from elsewhere.

    Raises OperatorError when the strategy's file is gone or is no longer what it was.
    """
    install_again(state[0])


def load() -> None:
    """Load or compile what `start` and the built-in strategy need besides the step."""
    config = SimpleNamespace(strategy=StrategyConfig(), volatility=VolatilityConfig())
    start(new_record(STATE), config, np.zeros(1, INSTRUMENT))


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: a book, a belief, a report, a refusal, the account, a command, the timer."""
    own = view(state, STATE)
    if type_ == BOOK_TOP:
        return _on_book_top(own, ports, frame, now_ns)
    if type_ == VOLATILITY_ESTIMATE or type_ == SIGNAL_ESTIMATE or type_ == TAIL_RISK_ADVICE:
        return _on_belief(own, ports, type_, frame, now_ns)
    if type_ == EXECUTION_REPORT:
        if receive(frame, own.report) != 0:
            return BAD_FRAME
        if on_report(own.desk, own.report, now_ns):
            give_back(own.arena, own.report.client_order_id)
            _requote(own, ports, own.report.symbol_id, now_ns)
    elif type_ == ORDER_REFUSAL:
        if receive(frame, own.refusal) != 0:
            return BAD_FRAME
        if on_refusal(own.desk, own.refusal, now_ns):
            give_back(own.arena, own.refusal.client_order_id)
    elif type_ == ACCOUNT_STATE:
        if receive(frame, own.account) != 0:
            return BAD_FRAME
        if on_account(own.desk, own.account, now_ns):
            before, last = generations(own.account.epoch, STAGE_STRATEGY)
            if before > own.arena.generation:
                _end_orders(own, now_ns)
            skip_to(own.arena, before, last)
        _requote_all(own, ports, now_ns)
    elif type_ == TIMER:
        _requote_all(own, ports, now_ns)
    elif type_ == CONTROL:
        return _on_control(own, ports, frame, now_ns)
    return 0


@kernel
def _end_orders(own, now_ns):
    """A new epoch: it begins when the venue has none of the older orders open, whatever was heard of them here."""
    never_inlined()
    for slot in range(own.arena.capacity):
        client_order_id = own.desk.tickets[slot].client_order_id
        if free_line(own.desk, client_order_id, now_ns):
            give_back(own.arena, client_order_id)


@kernel
def _on_book_top(own, ports, frame, now_ns):
    symbol_id = load_u8(frame + SYMBOL_BYTE)
    if symbol_id < own.desk.symbol_count:
        top = own.tops[symbol_id]
        if receive(frame, top) != 0 or top.symbol_id != symbol_id:
            return BAD_FRAME
        own.desk.symbols[symbol_id].book_ns = now_ns
        _requote(own, ports, symbol_id, now_ns)
    return 0


@kernel
def _on_belief(own, ports, type_, frame, now_ns):
    symbol_id = hear(own, type_, frame)
    if symbol_id >= 0:
        _requote(own, ports, symbol_id, now_ns)
    return BAD_FRAME if symbol_id == BAD_FRAME else 0


@kernel
def _on_control(own, ports, frame, now_ns):
    """RUN opens the gate; QUOTES_OFF, CANCEL_ALL, HALT and DRAIN close it and cancel what rests."""
    if receive(frame, own.control) != 0:
        return BAD_FRAME
    command = own.control.command
    if command != Command.START:
        own.desk.running = 1 if command == Command.RUN else 0
        _requote_all(own, ports, now_ns)
    acknowledge(ports, command)
    return 0


@kernel
def _requote_all(own, ports, now_ns):
    for symbol_id in range(own.desk.symbol_count):
        _requote(own, ports, symbol_id, now_ns)


@kernel
def _requote(own, ports, symbol_id, now_ns):
    """Ask the strategy, then bring every line of the symbol to what is wanted."""
    desk = own.desk
    symbol, top = desk.symbols[symbol_id], own.tops[symbol_id]
    if begin(desk, symbol, top, now_ns) and is_trusted(own, ports, symbol_id):
        _call_quote(own, symbol_id)
        belief = own.beliefs[symbol_id]
        if is_restrained(belief):
            restrain(symbol.quotes, belief, top.bid_ticks[0], top.ask_ticks[0])
        settle(symbol, top)
    else:
        settle_none(symbol)
    for level in range(symbol.depth):
        for side_index in range(2):
            decision = verdict(desk, symbol, side_index, level, now_ns)
            if decision == PLACE:
                _place(own, ports, symbol_id, side_index, level, now_ns)
            elif decision == CANCEL:
                line = line_of(symbol, side_index, level)
                ask_cancel(desk, line, now_ns)
                cancel(ports, OUT_CANCELS, order_slot_of(line.client_order_id), line.client_order_id)
    if takes(symbol, now_ns):
        _place(own, ports, symbol_id, TAKER, TAKER_LEVEL, now_ns)
    end_step(symbol, top, desk.running)


@kernel
def _call_quote(own, symbol_id):
    belief, top = own.beliefs[symbol_id], own.tops[symbol_id]
    own.quote_calls += 1
    symbol = own.desk.symbols[symbol_id]
    call_entry(
        own.quote_entry,
        address_of(own.states) + symbol_id * own.stride_bytes,
        address_of(top),
        address_of(belief),
        address_of(symbol.position),
        address_of(symbol.quotes),
    )


@kernel
def _place(own, ports, symbol_id, side_index, level, now_ns):
    """Send an intent for a line; when there is no slot, or the link has no room, the line tries later."""
    desk = own.desk
    client_order_id = take(own.arena)
    if client_order_id == NONE:
        return
    take_line(desk, client_order_id, symbol_id, side_index, level, own.tops[symbol_id], own.intent)
    if send(ports, OUT_RISK, own.intent) == 0:
        desk.denied += 1
        free_line(desk, client_order_id, now_ns + desk.refusal_pause_ns)
        give_back(own.arena, client_order_id)

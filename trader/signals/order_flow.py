"""What the book and the trades say of pressure: order-flow and book imbalance, microprice, autocorrelated signs.

Integers in, integers where they decide: sums over windows of lots and signs are exact.

Order-flow imbalance: with b, B the best bid and its lots, a, A the best ask and its lots, each change of the touch
contributes
    e = [b' >= b] B' - [b' <= b] B - [a' <= a] A' + [a' >= a] A
Cont, Kukanov, Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014), eq. 2.

Sign autocorrelation at lag k of the last n signs s with mean m, as it is defined for a sample:
    sum of (s_t - m) (s_(t-k) - m), t = k .. n-1,    over the sum of (s_t - m)^2
Lillo and Farmer, "The long memory of the efficient market", 2004.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.indicators import WINDOW_MAX

FLOW = np.dtype(
    [
        ("length", "i8"),
        ("count", "i8"),
        ("next", "i8"),
        ("linked", "i8"),
        ("bid_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("sum_lots", "i8"),
        ("ring", "i8", (WINDOW_MAX,)),
    ],
    align=True,
)
"""Contributions of the last `length` changes of the touch; `sum_lots` is the imbalance, above 0 for buyers."""

SIGNS = np.dtype(
    [
        ("length", "i8"),
        ("lag", "i8"),
        ("count", "i8"),
        ("next", "i8"),
        ("sum", "i8"),
        ("products", "i8"),
        ("newest", "i8"),
        ("oldest", "i8"),
        ("value", "f8"),
        ("ring", "i8", (WINDOW_MAX,)),
    ],
    align=True,
)
"""The last `length` signs; `products`: sum of s_t s_(t-lag); `newest`, `oldest`: sums of the last and first `lag`."""


@inlined
def contribution(before, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """What a touch adds to the imbalance after the one in `before`, lots. Products: nobody can guess its way."""
    bought = bid_lots * (bid_ticks >= before.bid_ticks) - before.bid_lots * (bid_ticks <= before.bid_ticks)
    return bought + before.ask_lots * (ask_ticks >= before.ask_ticks) - ask_lots * (ask_ticks <= before.ask_ticks)


@kernel
def flow_update(state, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Take a touch (prices in ticks, sizes in lots) into a FLOW record; the imbalance of the window in lots.

    A touch without both sides (0 lots) is a gap: it counts nothing, and the next one is only a reference.
    """
    if bid_lots <= 0 or ask_lots <= 0:
        state.linked = 0
        return state.sum_lots
    if state.linked:
        change = contribution(state, bid_ticks, bid_lots, ask_ticks, ask_lots)
        slot = state.next
        state.sum_lots += change - state.ring[slot] * (state.count == state.length)
        state.ring[slot] = change
        state.next = slot + 1 if slot + 1 < state.length else 0
        state.count = min(state.count + 1, state.length)
    state.linked = 1
    state.bid_ticks = bid_ticks
    state.bid_lots = bid_lots
    state.ask_ticks = ask_ticks
    state.ask_lots = ask_lots
    return state.sum_lots


@kernel
def signs_update(state, sign):
    """Take a trade's sign (1 a buyer's, -1 a seller's; others are no sign) into a SIGNS record.

    The autocorrelation, -1 to 1, of the window; 0 while it has no more than `lag` + 1 signs, or all are equal.
    """
    if sign * sign != 1:
        return state.value
    lag, length, slot, count = state.lag, state.length, state.next, state.count
    newest, oldest, total, products = state.newest, state.oldest, state.sum, state.products
    if count == length:
        leaving = state.ring[slot]
        first = state.ring[slot + lag if slot + lag < length else slot + lag - length]
        total -= leaving
        products -= leaving * first
        oldest += first - leaving
        count -= 1
    elif count < lag:
        oldest += sign
    if count >= lag:
        before = state.ring[slot - lag if slot >= lag else slot - lag + length]
        products += sign * before
        newest -= before
    newest += sign
    total += sign
    count += 1
    state.ring[slot] = sign
    state.next = slot + 1 if slot + 1 < length else 0
    state.count, state.sum, state.products, state.newest, state.oldest = count, total, products, newest, oldest
    state.value = _autocorrelation(count, lag, total, products, newest + oldest)
    return state.value


@inlined
def _autocorrelation(count, lag, total, products, ends):
    """Of so many signs; `ends`: sum of the last and of the first `lag` of them. Whole numbers, exact in floats."""
    n, s = float(count), float(total)
    spread = n * n - s * s
    if count <= lag + 1 or spread == 0.0:
        return 0.0
    # n^2 times numerator and denominator
    numerator = n * (n * float(products) - s * (2.0 * s - float(ends))) + (n - float(lag)) * s * s
    return numerator / (n * spread)


@kernel
def book_imbalance(bid_lots, ask_lots, levels):
    """(bids - asks) / (bids + asks) over the first `levels` entries of two arrays of lots: -1 to 1, 0 if empty."""
    bids = 0
    asks = 0
    for level in range(levels):
        bids += bid_lots[level]
        asks += ask_lots[level]
    return (bids - asks) / (bids + asks) if bids + asks > 0 else 0.0


@inlined
def microprice(bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Touch prices weighted by the opposite sizes, in ticks; NaN unless both sides have lots."""
    if bid_lots <= 0 or ask_lots <= 0:
        return np.nan
    return bid_ticks + np.float64(ask_ticks - bid_ticks) * bid_lots / (bid_lots + ask_lots)

"""Incremental indicators of a price: one record each, one kernel that takes a value and returns the indicator.

| kernel              | what it says                                       | unit            | before it knows      |
|---------------------|----------------------------------------------------|-----------------|----------------------|
| `ema_update`        | y += a (x - y), seeded with the first value        | of x            | NaN                  |
| `rsi_update`        | Wilder's relative strength index                   | 0 to 100        | 50, `length` changes |
| `zscore_update`     | (x - mean) / sd (n - 1) of the last `length` values | deviations      | 0, two values        |
| `realised_update`   | root mean square log return of the last `length`   | bps of a step   | 0, one return        |
| `vwap_update`       | sum of price x size over sum of size, last `length` | of the price    | NaN, some size       |

Missing data: a value that is not finite (and a price that is not above 0, where a logarithm is taken) changes no sum
and the indicator says again what it said. Where changes are counted (RSI, realised volatility) it also breaks the
chain: a change across a gap is not one step's, so the next value is only a reference.

Windows are rings of at most WINDOW_MAX values with sums in pairs (`exact_sums`), so that what has left the window
leaves nothing behind. Only where a value 10^5 deviations away has left, or the mean has gone as far, are the sums of a
z-score made again from the ring.

Wilder, New Concepts in Technical Trading Systems, 1978 (RSI).
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.signals.exact_sums import add_pair, fused, is_finite, two_product, two_sum

WINDOW_MAX = 1_024
"""Longest window, in values."""

CANCELLED = 1e-10
"""Sums are made again, about another anchor, where their difference is less than this share of what they held at most:
pairs would do with 1e-20, but the deviations from the anchor are rounded once."""

REBUILD_UPDATES = 1 << 18
BPS = 1e4
STILL = 1e-15
"""A price whose mean change is below this share of it stands still: its RSI is 50."""

NOTHING = 1e-200
"""Mean changes below this become 0, before they lose their digits."""

EMA = np.dtype([("gain", "f8"), ("value", "f8"), ("count", "i8")], align=True)
"""`gain`: a, above 0 and at most 1; `value`: NaN until the first."""

RSI = np.dtype(
    [
        ("length", "i8"),
        ("count", "i8"),
        ("linked", "i8"),
        ("previous", "f8"),
        ("rise", "f8"),
        ("fall", "f8"),
        ("value", "f8"),
    ],
    align=True,
)
"""`count`: changes seen; `linked`: whether `previous` is the value one step ago."""

ZSCORE = np.dtype(
    [
        ("length", "i8"),
        ("count", "i8"),
        ("next", "i8"),
        ("same", "i8"),
        ("age", "i8"),
        ("newest", "f8"),
        ("anchor", "f8"),
        ("sum", "f8"),
        ("sum_low", "f8"),
        ("squares", "f8"),
        ("squares_low", "f8"),
        ("peak", "f8"),
        ("value", "f8"),
        ("ring", "f8", (WINDOW_MAX,)),
    ],
    align=True,
)
"""Sums are of deviations from `anchor`. `same`: how many of the newest are equal; `peak`: the greatest sum of squares
since the sums were made, `age` values ago."""

REALISED = np.dtype(
    [
        ("length", "i8"),
        ("count", "i8"),
        ("next", "i8"),
        ("linked", "i8"),
        ("previous", "f8"),
        ("sum", "f8"),
        ("sum_low", "f8"),
        ("value", "f8"),
        ("ring", "f8", (WINDOW_MAX,)),
    ],
    align=True,
)

VWAP = np.dtype(
    [
        ("length", "i8"),
        ("count", "i8"),
        ("next", "i8"),
        ("paid", "f8"),
        ("paid_low", "f8"),
        ("size", "f8"),
        ("size_low", "f8"),
        ("value", "f8"),
        ("paid_ring", "f8", (WINDOW_MAX,)),
        ("size_ring", "f8", (WINDOW_MAX,)),
    ],
    align=True,
)


@kernel
def ema_update(state, x):
    """Take one value into an EMA record; the mean after it."""
    if not is_finite(x):
        return state.value
    if state.count == 0:
        state.value = x
    else:
        state.value += state.gain * (x - state.value)
    state.count += 1
    return state.value


@kernel
def rsi_update(state, x):
    """Take one price into an RSI record; the index after it, 50 until `length` changes are known."""
    if not is_finite(x):
        state.linked = 0
        return state.value
    if state.linked:
        change = x - state.previous
        _weigh_change(state, x, max(change, 0.0), max(-change, 0.0))
    state.previous = x
    state.linked = 1
    return state.value


@kernel
def _weigh_change(state, price, rise, fall):
    """The first `length` changes have equal weights, later ones Wilder's 1 / length."""
    state.count += 1
    share = 1.0 / min(state.count, state.length)
    state.rise += (rise - state.rise) * share
    state.fall += (fall - state.fall) * share
    moved = state.rise + state.fall
    if moved < NOTHING:
        state.rise = 0.0
        state.fall = 0.0
    if state.count >= state.length:
        state.value = strength(state.rise, moved, price)


@inlined
def strength(rise, moved, price):
    """Wilder's index of mean rises, and of mean rises and falls together."""
    return 100.0 * rise / moved if moved > STILL * abs(price) else 50.0


@kernel
def zscore_update(state, x):
    """Take one value into a ZSCORE record; its distance from the window's mean, 0 where nothing varies."""
    if not is_finite(x):
        return state.value
    slot = state.next
    if state.count == 0:
        state.anchor = x
    if state.count == state.length:
        _replace(state, state.ring[slot], x)
    else:
        _replace(state, state.anchor, x)
        state.count += 1
    state.ring[slot] = x
    state.next = slot + 1 if slot + 1 < state.length else 0
    state.same = state.same + 1 if x == state.newest else 1
    state.newest = x
    state.age += 1
    state.value = 0.0
    if state.same < state.count:
        spread = _spread(state)
        if not spread > CANCELLED * state.count * state.peak or state.age >= REBUILD_UPDATES:
            _rebuild(state)
            spread = _spread(state)
        state.value = _distance(state, x, spread)
    return state.value


@inlined
def _replace(state, before, x):
    """In the sums, the deviation of one value from the anchor by another's; the anchor's own is nothing."""
    deviation, gone = x - state.anchor, before - state.anchor
    change, low = two_sum(deviation, -gone)
    state.sum, state.sum_low = add_pair(state.sum, state.sum_low, change, low)
    square, square_low = two_product(deviation, deviation)
    gone_square, gone_low = two_product(gone, gone)
    change, low = two_sum(square, -gone_square)
    state.squares, state.squares_low = add_pair(state.squares, state.squares_low, change, low + (square_low - gone_low))
    state.peak = max(state.peak, state.squares)


@inlined
def _spread(state):
    """n (sum of squares) - (sum)^2, which is n (n - 1) times the variance; both sides cancel in pairs."""
    count, total, total_low = float(state.count), state.sum, state.sum_low
    left, left_low = two_product(count, state.squares)
    right, right_low = two_product(total, total)
    low = fused(count, state.squares_low, left_low - right_low)
    return (left - right) + fused(-(total + total) - total_low, total_low, low)


@inlined
def _distance(state, x, spread):
    """(x - mean) / sd."""
    count = float(state.count)
    scaled, scaled_low = two_product(count, x - state.anchor)
    distance = (scaled - state.sum) + (scaled_low - state.sum_low)
    return distance * math.sqrt((count - 1.0) / (count * spread)) if spread > 0.0 else 0.0


@kernel
def _rebuild(state):
    """The sums again from the ring, about the newest value: what values far away left behind in them goes."""
    never_inlined()
    state.sum = state.sum_low = state.squares = state.squares_low = state.peak = 0.0
    state.anchor = state.newest
    state.age = 0
    for index in range(state.count):
        _replace(state, state.anchor, state.ring[index])


@kernel
def realised_update(state, price):
    """Take one price into a REALISED record; the root mean square log return of its window, in bps of one step."""
    if not (is_finite(price) and price > 0.0):
        state.linked = 0
        return state.value
    if state.linked:
        change = BPS * log_return(state.previous, price)
        square, slot = change * change, state.next
        oldest = state.ring[slot] if state.count == state.length else 0.0
        difference, low = two_sum(square, -oldest)
        state.sum, state.sum_low = add_pair(state.sum, state.sum_low, difference, low)
        state.ring[slot] = square
        state.next = slot + 1 if slot + 1 < state.length else 0
        state.count = min(state.count + 1, state.length)
        state.value = math.sqrt(max(state.sum + state.sum_low, 0.0) / state.count)
    state.previous = price
    state.linked = 1
    return state.value


@inlined
def log_return(before, after):
    """log(after / before) of prices above 0. Small ones by the series of atanh in their exact difference."""
    half = (after - before) / (after + before)
    if abs(half) > 0.005:
        return math.log(after / before)
    square = half * half
    return 2.0 * half * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0))))


@kernel
def vwap_update(state, price, size):
    """Take one trade into a VWAP record (size 0 or more); the mean price paid for one unit of its window."""
    if not (is_finite(price) and is_finite(size) and size >= 0.0):
        return state.value
    slot, paid = state.next, price * size
    full = state.count == state.length
    paid_before = state.paid_ring[slot] if full else 0.0
    size_before = state.size_ring[slot] if full else 0.0
    difference, low = two_sum(paid, -paid_before)
    state.paid, state.paid_low = add_pair(state.paid, state.paid_low, difference, low)
    difference, low = two_sum(size, -size_before)
    state.size, state.size_low = add_pair(state.size, state.size_low, difference, low)
    state.paid_ring[slot] = paid
    state.size_ring[slot] = size
    state.next = slot + 1 if slot + 1 < state.length else 0
    state.count = min(state.count + 1, state.length)
    total = state.size + state.size_low
    state.value = (state.paid + state.paid_low) / total if total > 0.0 else np.nan
    return state.value

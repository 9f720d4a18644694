"""Whole arrays through the indicators in one compiled call each: what the incremental kernels would say one by one.

An EMA has a scan of its own (`trader.signals.scan`); Wilder's RSI is two of them on the rises and falls once the first
`length` changes are known. Windows that slide are loops over their kernels: their sums wait for one another only in one
addition, and are the same to the last bit. Arrays are contiguous, of one length; `out` overlaps none of them.
"""

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.signals.exact_sums import is_finite
from trader.signals.indicators import EMA, NOTHING, realised_update, rsi_update, strength, vwap_update, zscore_update
from trader.signals.order_flow import flow_update, signs_update
from trader.signals.scan import ema_batch


@kernel
def zscore_batch(state, values, out):
    """`zscore_update` over an array."""
    for index in range(len(values)):
        out[index] = zscore_update(state, values[index])


@kernel
def realised_batch(state, prices, out):
    """`realised_update` over an array."""
    for index in range(len(prices)):
        out[index] = realised_update(state, prices[index])


@kernel
def vwap_batch(state, prices, sizes, out):
    """`vwap_update` over two arrays."""
    for index in range(len(prices)):
        out[index] = vwap_update(state, prices[index], sizes[index])


@kernel
def signs_batch(state, signs, out):
    """`signs_update` over an array of int64."""
    for index in range(len(signs)):
        out[index] = signs_update(state, signs[index])


@kernel
def flow_batch(state, bid_ticks, bid_lots, ask_ticks, ask_lots, out):
    """`flow_update` over four arrays of int64, into float64."""
    for index in range(len(bid_ticks)):
        out[index] = flow_update(state, bid_ticks[index], bid_lots[index], ask_ticks[index], ask_lots[index])


@kernel
def rsi_batch(state, prices, out):
    """`rsi_update` over an array, to rounding."""
    count = len(prices)
    begun = 0
    while begun < count and (state.count < state.length or state.linked == 0):
        out[begun] = rsi_update(state, prices[begun])
        begun += 1
    if begun < count:
        _rsi_scan(state, prices[begun:], out[begun:])


@kernel
def _rsi_scan(state, prices, out):
    """The rest of an array behind a price that is known, as two scans; or one by one where a price is missing."""
    count = len(prices)
    rises, falls = np.empty((2, count))
    mean_rise, mean_fall = np.empty((2, count))
    before = state.previous
    for index in range(count):
        change = prices[index] - before
        rises[index] = max(change, 0.0)
        falls[index] = max(-change, 0.0)
        before = prices[index]
    means = np.zeros(2, EMA)
    for side in range(2):
        means[side].gain = 1.0 / state.length
        means[side].count = 1
    means[0].value = state.rise
    means[1].value = state.fall
    ema_batch(means[0], rises, mean_rise)
    ema_batch(means[1], falls, mean_fall)
    moved, smallest, whole = 0.0, np.inf, True
    for index in range(count):
        moved = mean_rise[index] + mean_fall[index]
        smallest = min(smallest, moved)
        whole = whole and is_finite(prices[index])
        out[index] = strength(mean_rise[index], moved, prices[index])
    if whole and smallest >= NOTHING:
        state.rise = mean_rise[count - 1]
        state.fall = mean_fall[count - 1]
        state.previous = prices[count - 1]
        state.count += count
        state.value = out[count - 1]
    else:
        _rsi_loop(state, prices, out)


@kernel
def _rsi_loop(state, prices, out):
    never_inlined()
    for index in range(len(prices)):
        out[index] = rsi_update(state, prices[index])

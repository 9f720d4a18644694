"""The measured loops of the signals suite: a sample is the mean ns of BATCH events, one compiled call a run."""

from shm.clock import read_clock
from shm.kernel import kernel
from trader.signals.forecasts import forecast, on_book, on_trade
from trader.signals.indicators import ema_update, realised_update, rsi_update, vwap_update, zscore_update
from trader.signals.order_flow import flow_update, signs_update
from trader.signals.scan import ema_batch

BATCH = 64


@kernel
def time_ema(state, prices, clock, samples):
    """`ema_update` on one price after the other; the last mean. So are the next ones."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = ema_update(state, prices[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_rsi(state, prices, clock, samples):
    """`rsi_update`."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = rsi_update(state, prices[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_zscore(state, prices, clock, samples):
    """`zscore_update`."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = zscore_update(state, prices[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_realised(state, prices, clock, samples):
    """`realised_update`."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = realised_update(state, prices[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_vwap(state, prices, clock, samples):
    """`vwap_update`, of trades of three lots."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = vwap_update(state, prices[index], 3.0)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_flow(state, touches, clock, samples):
    """`flow_update` on rows (bid ticks, bid lots, ask ticks, ask lots)."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = flow_update(state, touches[index, 0], touches[index, 1], touches[index, 2], touches[index, 3])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_signs(state, signs, clock, samples):
    """`signs_update`."""
    last = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            last = signs_update(state, signs[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return last


@kernel
def time_panic(state, times, tops, signs, clock, samples):
    """A book, horizons and detector, and after every fourth a trade: mean ns of an event. Books are records, as in a
    run: a view of a Python program's array counts references, which costs as much again."""
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            if index & 3 == 3:
                on_trade(state, times[index], signs[index], 3)
            else:
                top = tops[index]
                on_book(state, times[index], top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return state.detector.confidence


@kernel
def time_forecast(state, times, tops, clock, samples):
    """`forecast` after a book each: its own part of the time only."""
    for sample in range(len(samples)):
        top = tops[sample]
        on_book(state, times[sample], top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots)
        start_ns = read_clock(clock)
        for _ in range(BATCH):
            state.horizon_s += 1e-15
            forecast(state)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return state.shift_bps


@kernel
def time_ema_batch(state, prices, out, clock, samples):
    """A whole array at once, eight times a sample."""
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for _ in range(8):
            ema_batch(state, prices, out)
        samples[sample] = (read_clock(clock) - start_ns) / 8
    return out[len(out) - 1]


@kernel
def time_plain_ema(state, prices, out, clock, samples):
    """The recurrence as it is written down, compiled too."""
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for _ in range(8):
            value, gain = state.value, state.gain
            for index in range(len(prices)):
                value += gain * (prices[index] - value)
                out[index] = value
            state.value = value
        samples[sample] = (read_clock(clock) - start_ns) / 8
    return out[len(out) - 1]

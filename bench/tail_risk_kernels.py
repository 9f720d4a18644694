"""The measured loops of the tail-risk suite: means of BATCH updates, and single assessments."""

from shm.clock import read_clock
from shm.kernel import kernel
from trader.tail_risk.amplitudes import fidelity, observe_return, settle
from trader.tail_risk.antifragility import antifragility
from trader.tail_risk.assessment import assess, on_mid, on_trade, remember
from trader.tail_risk.moments import moments_update
from trader.tail_risk.tail import tail_update
from trader.tail_risk.whale import whale_update

BATCH = 64


@kernel
def time_whale(state, lots, clock, samples):
    """`whale_update` on one trade after the other."""
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            whale_update(state, index, 1, lots[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return state.confidence


@kernel
def time_black_swan(moments, tail, values, clock, samples):
    """Moments and tail index of one return after the other."""
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            moments_update(moments, values[index])
            tail_update(tail, values[index])
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return moments.m4 + tail.mean_log_excess


@kernel
def time_antifragility(exposure, clock, samples):
    """A position with its open orders, another one each time."""
    total = 0.0
    for sample in range(len(samples)):
        exposure.position_lots += 1.0
        start_ns = read_clock(clock)
        total += antifragility(exposure)
        samples[sample] = read_clock(clock) - start_ns
    return total


@kernel
def time_fidelity(base, current, values, clock, samples):
    """A return into the current distribution, its amplitudes, its overlap with the base."""
    total = 0.0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH * sample, BATCH * (sample + 1)):
            observe_return(current, values[index])
            settle(current)
            total += fidelity(base, current)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return total


@kernel
def time_assessment(state, pool, history, values, lots, clock, samples):
    """A mid and a trade that come in, then the whole assessment with its place in the history."""
    now_ns, mid = 10**15, 60_000.0
    for sample in range(len(samples)):
        now_ns += 50_000_000
        mid *= 1.0 + 1e-4 * values[sample]
        state.exposure.position_lots = values[sample]
        start_ns = read_clock(clock)
        on_mid(state, pool, now_ns, mid)
        on_trade(state, now_ns, 1, lots[sample])
        assess(state, pool, now_ns, 0.2, 3.0)
        remember(history, state.now)
        samples[sample] = read_clock(clock) - start_ns
    return state.now.level

"""Incremental realised volatility: event-time windows, a decaying mean of squared returns, its band.

A window is a span of the venue's clock, aligned to multiples of its length. Its one observation is the log
return of the mid from the last window's end to its own:

    event_ns    |------- window -------|------- window -------|-- open --
    mid         a   b  c            d  |  e        f          |   g
    return                    log(d/.) |            log(f/d)  |

- A window without events is a true observation: the mid did not move, the return is 0. A silence longer than
  `silence_ms_max` is not: it counts as missing, and so does what a gap or a book that is not LIVE covers.
- Mids and not trade prices, so that the bounce between bid and ask does not count as volatility.
- After a reset the first, partial window only sets the reference.

With d = 2^(-window / half-life), a = 1 - d, in bps^2 of a window, over all windows seen:

    weight = sum a d^k        second = sum a d^k r^2        fourth = sum a d^k r^4
    variance = second / weight                 effective sample size n = (sum a d^k)^2 / sum (a d^k)^2

Band: the sampling error of a variance from n independent returns of kurtosis K is variance * sqrt((K-1) / n),
so that of its logarithm's half, log volatility, is s = sqrt((K-1) / (4 n)). The band is lognormal,
volatility * exp(+-1.645 s); K is measured, at least the Gaussian 3. It leaves out that volatility moves while it
is measured, which the particle filter has for its subject. RiskMetrics (1996), section 5.2; for the error of a
sample variance, Kendall and Stuart, volume 1, section 10.
"""

import math
from typing import Any

import numpy as np

from shm.kernel import kernel
from trader.enums import BeliefState
from trader.volatility.config import VolatilityConfig
from trader.volatility.realised import PARTS, close_parts, configure_parts, open_parts, part_ns_of, see_time

CLOSED = 0
PARTIAL = 1
COUNTING = 2
"""Life of a window.

    CLOSED --first mid--> PARTIAL --boundary--> COUNTING
       ^                     |                     |
       +------- reset, or a silence too long ------+
"""

BPS = 1e4
LOG_BAND_MAX = 1.5
"""The log band's half width s never exceeds this: a band wider than a factor 12 says no more."""

Z_95 = 1.6448536269514722
LOG_2_PI = 1.8378770664093453
VARIANCE_MIN = 1e-12

ESTIMATOR = np.dtype(
    [
        ("window_ns", "i8"),
        ("silence_ns_max", "i8"),
        ("warm_windows", "i8"),
        ("decay", "f8"),
        ("windows_per_s", "f8"),
        ("volatility_bps_min", "f8"),
        ("prior_bps", "f8"),
        ("prior_bps_p95", "f8"),
        ("life", "i8"),
        ("window_end_ns", "i8"),
        ("mid_halfticks", "i8"),
        ("log_mid", "f8"),
        ("return_bps", "f8"),
        ("quiet", "i8"),
        ("weight", "f8"),
        ("weight_squared", "f8"),
        ("second", "f8"),
        ("fourth", "f8"),
        ("log_likelihood", "f8"),
        ("pit", "f8"),
        ("window_count", "i8"),
        ("reset_count", "i8"),
        ("realised", "i8"),
        ("parts", PARTS),
    ],
    align=True,
)
"""One symbol's estimator. The fields down to `prior_bps_p95` are set once, by `configure`.

`return_bps`, `quiet`: of the windows that closed last, the first one's return and how many without events followed.
`realised`: whether a filter is told `parts` instead of the return.
"""


def configure(estimator: np.void | np.ndarray, config: VolatilityConfig) -> None:
    """Set up one zeroed ESTIMATOR (cold)."""
    window_s = config.window_ms / 1_000
    estimator["window_ns"] = config.window_ms * 1_000_000
    estimator["silence_ns_max"] = config.silence_ms_max * 1_000_000
    estimator["warm_windows"] = config.warm_windows
    estimator["decay"] = 0.5 ** (window_s / config.half_life_s)
    estimator["windows_per_s"] = 1 / window_s
    estimator["volatility_bps_min"] = config.volatility_bps_min
    estimator["prior_bps"] = config.prior_bps
    estimator["prior_bps_p95"] = config.prior_bps_p95
    estimator["pit"] = 0.5
    if config.method != "ewma":
        estimator["realised"] = config.is_realised
        decay = 0.5 ** (window_s / config.half_life_s)
        configure_parts(estimator["parts"], part_ns_of(config.window_ms * 1_000_000), decay)


def adopt_estimate(estimator: np.void | np.ndarray, estimate: Any) -> None:
    """Have a configured ESTIMATOR believe what another one published last (a VolatilityEstimate); cold.

    What is published of it next is the same; the next window is the first after a gap. One that was not warm, or whose
    numbers cannot be of a decaying mean, changes nothing.
    """
    size, half_width = estimate.effective_sample_size, estimate.mu_sd / 2
    if estimate.state != BeliefState.LIVE or not (size >= 1 and half_width > 0 and estimate.volatility_bps > 0):
        return
    variance = estimate.volatility_bps**2 / float(estimator["windows_per_s"])
    estimator["weight"] = 1.0
    estimator["weight_squared"] = 1.0 / size
    estimator["second"] = variance
    estimator["fourth"] = variance**2 * (1.0 + 4.0 * size * half_width**2)
    estimator["log_likelihood"], estimator["pit"] = estimate.log_likelihood, estimate.pit
    estimator["window_count"] = max(estimate.window_count, int(estimator["warm_windows"]))


@kernel
def reset_window(estimator):
    """Forget the open window and its reference, keep what was learned: after a gap, or an untrusted book."""
    if estimator.life != CLOSED:
        estimator.reset_count += 1
    estimator.life = CLOSED


@kernel
def observe_mid(estimator, event_ns, mid_halfticks):
    """Take the mid (bid + ask, in half ticks, above 0) at a venue time; return how many windows that closed.

    A time before the open window counts into it: venues' streams overtake each other by milliseconds.
    """
    closed = 0
    if estimator.life == CLOSED:
        estimator.life = PARTIAL
        estimator.window_end_ns = (event_ns // estimator.window_ns + 1) * estimator.window_ns
        open_parts(estimator.parts, event_ns, mid_halfticks)
    elif event_ns >= estimator.window_end_ns:
        closed = _close_windows(estimator, event_ns)
    see_time(estimator.parts, event_ns, estimator.mid_halfticks)
    estimator.mid_halfticks = mid_halfticks
    return closed


@kernel
def moved_bps(estimator):
    """How far the mid has come in the open window; 0 where no window is open that has a reference."""
    if estimator.life != COUNTING:
        return 0.0
    return (math.log(float(estimator.mid_halfticks)) - estimator.log_mid) * BPS


@kernel
def _close_windows(estimator, event_ns):
    silent_ns = event_ns - estimator.window_end_ns
    log_mid = math.log(float(estimator.mid_halfticks))
    was_counting = estimator.life == COUNTING
    return_bps = (log_mid - estimator.log_mid) * BPS
    quiet = silent_ns // estimator.window_ns
    estimator.log_mid = log_mid
    estimator.life = COUNTING
    estimator.window_end_ns += (quiet + 1) * estimator.window_ns
    if silent_ns > estimator.silence_ns_max:
        reset_window(estimator)
        estimator.life = PARTIAL
        open_parts(estimator.parts, event_ns, estimator.mid_halfticks)
        return 0
    closed = 0
    estimator.return_bps = return_bps
    estimator.quiet = quiet
    if was_counting:
        _weigh_return(estimator, return_bps)
        close_parts(estimator.parts, estimator.mid_halfticks, return_bps)
        closed = 1
    else:
        open_parts(estimator.parts, event_ns, estimator.mid_halfticks)
    if quiet > 0:
        _weigh_zeros(estimator, quiet)
        estimator.pit = 0.5
        closed += quiet
    estimator.window_count += closed
    return closed


@kernel
def _weigh_return(estimator, return_bps):
    """One window's return: score it against what was believed, then learn from it."""
    squared = return_bps * return_bps
    if estimator.window_count >= estimator.warm_windows:
        variance = max(estimator.second / estimator.weight, VARIANCE_MIN)
        estimator.log_likelihood = -0.5 * (LOG_2_PI + math.log(variance) + squared / variance)
        estimator.pit = 0.5 * math.erfc(-return_bps / math.sqrt(2.0 * variance))
    decay = estimator.decay
    gain = 1.0 - decay
    estimator.weight = decay * estimator.weight + gain
    estimator.weight_squared = decay * decay * estimator.weight_squared + gain * gain
    estimator.second = decay * estimator.second + gain * squared
    estimator.fourth = decay * estimator.fourth + gain * squared * squared


@kernel
def _weigh_zeros(estimator, count):
    """`count` windows in which the mid stood still, in one go (closed forms of the same recursions)."""
    decay = estimator.decay
    kept = math.exp(count * math.log(decay))
    kept_squared = kept * kept
    gain = 1.0 - decay
    estimator.weight = kept * estimator.weight + 1.0 - kept
    added = gain * gain * (1.0 - kept_squared) / (1.0 - decay * decay)
    estimator.weight_squared = kept_squared * estimator.weight_squared + added
    estimator.second *= kept
    estimator.fourth *= kept


@kernel
def write_estimate(estimator, estimate):
    """Fill a VolatilityEstimate's statistics; its symbol_id, venue_id and event_ns are the caller's.

    The log-variance model behind a decaying mean is a random walk: mu is the current log variance per second
    (bps^2), phi is 1, sigma_eta is not learned.
    """
    estimate.window_count = estimator.window_count
    estimate.log_likelihood = estimator.log_likelihood
    estimate.pit = estimator.pit
    estimate.phi_mean = 1.0
    if estimator.window_count < estimator.warm_windows:
        estimate.state = BeliefState.WARMING
        volatility = estimator.prior_bps
        log_band = math.log(estimator.prior_bps_p95 / volatility) / Z_95
        estimate.effective_sample_size = 0.0
    else:
        estimate.state = BeliefState.LIVE
        variance = max(estimator.second / estimator.weight, VARIANCE_MIN)
        fourth = estimator.fourth / estimator.weight
        sample_size = estimator.weight * estimator.weight / estimator.weight_squared
        kurtosis = max(3.0, fourth / (variance * variance))
        log_band = min(math.sqrt((kurtosis - 1.0) / (4.0 * sample_size)), LOG_BAND_MAX)
        volatility = max(math.sqrt(variance * estimator.windows_per_s), estimator.volatility_bps_min)
        estimate.effective_sample_size = sample_size
    estimate.volatility_bps = volatility
    estimate.volatility_bps_p05 = volatility * math.exp(-Z_95 * log_band)
    estimate.volatility_bps_p95 = volatility * math.exp(Z_95 * log_band)
    estimate.volatility_bps_sd = volatility * math.sqrt(math.expm1(log_band * log_band))
    estimate.mu_mean = 2.0 * math.log(volatility)
    estimate.mu_sd = 2.0 * log_band

"""What volatility to reckon with: the posterior's outlook over the time that a fill is held, not its mean.

    now        log volatility ~ N(c, s^2)         c, s from the 5th and 95th percentile (lognormal)
    k windows  c_k = mu/2 + phi^k (c - mu/2)
    on         s_k^2 = (phi^k s)^2                                          what is not known of it now
                     + 1/4 (sigma^2 + sd(sigma)^2) (1 - phi^2k) / (1 - phi^2)    what it will do
                     + 1/4 (1 - phi^k)^2 sd(mu)^2                           what is not known of the parameters
                     + (k phi^(k-1) (c - mu/2) sd(phi))^2

    volatility to reckon with = exp(c_k + score s_k)

The model is that of `trader.volatility.particles` with h = 2 log volatility; the terms in sd(mu), sd(phi) are first
order. A phi outside (0, 1) stands for a random walk, which a decaying mean believes in.

Surprise: a window beyond which less than `surprise_tail` of the prediction lay says that the model did not foresee the
market that it is in now. The alarm is how many powers of ten less; it dies down by windows, unless another is raised.
A movement within a window counts as soon as it is seen (procs.stages.volatility publishes it at once).
Only a model that learns can be surprised: a decaying mean's Gaussian has no room for the tails that any market has.
"""

import math

from shm.kernel import kernel

Z_95 = 1.6448536269514722
SD_MAX = 3.0
"""A wider outlook, a factor of a thousand, says no more."""

TAIL_MIN = 1e-12


@kernel
def outlook(belief, horizon_windows):
    """(c_k, s_k) of a VolatilityEstimate; (NaN, 0) of one whose percentiles are none."""
    low, high = belief.volatility_bps_p05, belief.volatility_bps_p95
    if not 0.0 < low <= high < math.inf:
        return math.nan, 0.0
    log_low, log_high = math.log(low), math.log(high)
    centre = 0.5 * (log_low + log_high)
    sd = (log_high - log_low) / (2.0 * Z_95)
    phi = belief.phi_mean
    steps = float(horizon_windows)
    noise = belief.sigma_eta_mean * belief.sigma_eta_mean + belief.sigma_eta_sd * belief.sigma_eta_sd
    if not 0.0 < phi < 1.0:
        return centre, min(math.sqrt(sd * sd + 0.25 * noise * steps), SD_MAX)
    kept = math.exp(steps * math.log(phi))
    away = centre - 0.5 * belief.mu_mean
    pulled = 0.5 * (1.0 - kept) * belief.mu_sd
    turned = steps * kept / phi * away * belief.phi_sd
    moved = 0.25 * noise * (1.0 - kept * kept) / (1.0 - phi * phi)
    variance = kept * kept * sd * sd + moved + pulled * pulled + turned * turned
    return 0.5 * belief.mu_mean + kept * away, min(math.sqrt(variance), SD_MAX)


@kernel
def alarm_of(belief, surprise_tail):
    """By how many powers of ten the newest window was less probable than `surprise_tail`; 0 for no surprise."""
    tail = 2.0 * min(belief.pit, 1.0 - belief.pit)
    if tail < surprise_tail and belief.sigma_eta_mean > 0.0:
        return math.log10(surprise_tail / max(tail, TAIL_MIN))
    return 0.0

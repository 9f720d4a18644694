"""A particle filter's belief as a VolatilityEstimate: bps of the price per square-root second, and when to trust it.

A filter's windows are those of `estimate`: one return each, in bps; a window without a movement is an inactive one
(of the recorded futures' windows of 150 ms, 85 % are: as densities or intervals they would say that volatility is
all but gone). Its volatility is the scale of a Student-t return, so the deviation is larger by sqrt(nu / (nu - 2)).

A LIVE estimate is DOUBTED, so that nothing is quoted on it, while too few particles count or the returns are not where
they were predicted: the running share of transforms in the outer two hundredths is one in fifty if the model is right.
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.enums import BeliefState
from trader.volatility.config import VolatilityConfig
from trader.volatility.settings import FilterSettings, Prior

ESS_SHARE_MIN = 0.02
EXTREME_SHARE_MAX = 0.15
EXTREME_DECAY = 0.98
OUTER = 0.01
ACTIVITY_MIN = 1e-6

JUDGEMENT = np.dtype(
    [
        ("return_scale", "f8"),
        ("particles", "f8"),
        ("extreme_share", "f8"),
        ("doubts", "i8"),
    ],
    align=True,
)
"""How one symbol's beliefs become estimates. `return_scale`: from a belief's volatility to bps per root second."""


def filter_settings(config: VolatilityConfig, seed: int) -> FilterSettings:
    """The filter that [volatility] describes; its prior is the configured one, in bps of a window."""
    window_s = config.window_ms / 1_000
    scale = math.sqrt(1 - 2 / config.degrees_of_freedom)
    spread = 2 * math.log(config.prior_bps_p95 / config.prior_bps) / 1.645
    return FilterSettings(
        method="joint" if config.method == "joint" else "particle",
        particle_count=config.particle_count,
        noise="student",
        degrees_of_freedom=config.degrees_of_freedom,
        prior=Prior(
            # Per window with a movement; fewer of those there are, the larger are their returns.
            mu=(2 * math.log(config.prior_bps * scale * math.sqrt(window_s)), max(spread, 1.5)),
            atanh_phi=(2.6, 0.6),
            log_sigma=(-2.3, 0.6),
        ),
        forgetting=1 - 1 / config.memory_windows,
        zeros="inactive",
        zero_half_life=max(config.half_life_s / window_s, 1.0),
        seed=seed,
    )


def configure_judgement(judgement: np.void | np.ndarray, config: VolatilityConfig, particles: int) -> None:
    """Set up one zeroed JUDGEMENT (cold)."""
    window_s = config.window_ms / 1_000
    judgement["return_scale"] = math.sqrt(1 / window_s / (1 - 2 / config.degrees_of_freedom))
    judgement["particles"] = particles


@kernel
def judge(judgement, belief):
    """Remember where a window fell in what was predicted for it; windows without a movement do not count."""
    if math.isnan(belief.pit):
        return
    extreme = 1.0 if belief.pit < OUTER or belief.pit > 1.0 - OUTER else 0.0
    judgement.extreme_share = EXTREME_DECAY * judgement.extreme_share + (1.0 - EXTREME_DECAY) * extreme


@kernel
def transform_of_extreme(pit):
    """The transform of a window's largest movement so far, from the one that it had as the window's whole return.

    A walk comes as far within a window twice as often as it ends so far off (the reflection principle), so its tail
    is doubled, and an alarm on the way is no more frequent in calm than it says.
    """
    tail = min(2.0 * min(pit, 1.0 - pit), 0.5)
    return tail if pit < 0.5 else 1.0 - tail


@kernel
def extremer(one, other):
    """Of two transforms the one that is farther out."""
    return one if min(one, 1.0 - one) < min(other, 1.0 - other) else other


@kernel
def write_belief(judgement, belief, estimate, volatility_bps_min):
    """Overwrite a LIVE estimate's statistics with a filter's."""
    scale = judgement.return_scale
    volatility = max(belief.volatility * scale, volatility_bps_min)
    estimate.volatility_bps = volatility
    estimate.volatility_bps_p05 = min(belief.quantiles[0] * scale, volatility)
    estimate.volatility_bps_p95 = max(belief.quantiles[1] * scale, volatility)
    estimate.volatility_bps_sd = belief.volatility_sd * scale
    # Of what is published: of the deviation of all windows' returns, as volatility is, in bps^2 per second.
    activity = max(1.0 - belief.zero_share, ACTIVITY_MIN)
    estimate.mu_mean = belief.parameters[0] + 2.0 * math.log(scale) + math.log(activity)
    estimate.mu_sd = belief.parameters_sd[0]
    estimate.phi_mean = belief.parameters[1]
    estimate.phi_sd = belief.parameters_sd[1]
    estimate.sigma_eta_mean = belief.parameters[2]
    estimate.sigma_eta_sd = belief.parameters_sd[2]
    estimate.effective_sample_size = belief.effective_sample_size
    estimate.log_likelihood = belief.log_likelihood
    estimate.pit = 0.5 if math.isnan(belief.pit) else belief.pit
    few = belief.effective_sample_size < ESS_SHARE_MIN * judgement.particles
    if few or judgement.extreme_share > EXTREME_SHARE_MAX or not math.isfinite(volatility):
        judgement.doubts += 1
        estimate.state = BeliefState.DOUBTED

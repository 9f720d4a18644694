"""The particle filters' memory: one header with settings and sums, then blocks of particles, all in one piece.

    FILTER | BLOCK 0 | BLOCK 1 | ...          a block: 128 lanes, an array of float32 for every quantity

Nothing in it is an address, so it can be copied, saved and restored. The number of particles is rounded up to whole
blocks: 7,000 become 7,040. A loop over a block's lanes has a constant length and constant distances between its
arrays, which is what the vectoriser wants.

The model (Taylor 1986; priors as in Kim, Shephard and Chib 1998): returns y with log variance h,

    h_1 ~ N(mu, sigma_eta^2 / (1 - phi^2))      h_t = mu + phi (h_{t-1} - mu) + sigma_eta eta_t
    y_t | h_t ~ N(0, exp h_t)                   or Student-t with scale exp(h_t / 2)

A window of n such returns is given by its realised variance rv (their sum of squares): its density depends on the
returns through rv alone; the Student-t returns of one window share their mixing variable. n = 0: nothing was seen.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, view

LANES = 128
LEVELS_MAX = 8
PARAMETERS = 3
"""In the order mu, atanh phi, log sigma_eta: the coordinates in which priors, kernels and forgetting are Gaussian."""


class Method(IntEnum):
    """What a particle carries: parameters and the moments of h, or parameters and one h."""

    PARTICLE = 0
    JOINT = 1


class Noise(IntEnum):
    """Distribution of a return given h."""

    GAUSSIAN = 0
    STUDENT = 1


class Zeros(IntEnum):
    """What an exact zero says.

    DENSITY: it is a return like any other. INTERVAL: the return was less than half a tick, and every return is
    known to half a tick only. INACTIVE: nothing traded; zeros have a probability of their own, h is not touched.
    """

    DENSITY = 0
    INTERVAL = 1
    INACTIVE = 2


BLOCK = np.dtype(
    [
        (name, "f4", (LANES,))
        for name in (
            "mu",
            "atanh_phi",
            "log_sigma",
            "phi",
            "sigma",
            "mean",
            "variance",
            "third",
            "fourth",
            "log_weight",
            "weight",
        )
    ]
    + [("ancestor", "i4", (LANES,))]
)
"""128 particles: parameters, what h is believed to be (joint filter: `mean` is h itself), log-weight and weight.

`third`, `fourth`: cumulants of h. Log-weights are relative to the largest of all; the largest weight is 1.
"""

_SCRATCH = [
    (name, "f4", (LANES,))
    for name in (
        "prior_mean",
        "prior_variance",
        "inverse_sd",
        "centre",
        "shift",
        "narrow",
        "scale",
        "load",
        "third",
        "fourth",
        "ratio_1",
        "ratio_2",
        "ratio_3",
        "inverse_1",
        "inverse_2",
        "inverse_3",
        "mass",
        "moment_1",
        "moment_2",
        "moment_3",
        "moment_4",
    )
]

BELIEF = np.dtype(
    [
        ("log_likelihood", "f8"),
        ("pit", "f8"),
        ("volatility", "f8"),
        ("volatility_sd", "f8"),
        ("quantiles", "f8", (LEVELS_MAX,)),
        ("log_variance", "f8"),
        ("log_variance_sd", "f8"),
        ("parameters", "f8", (PARAMETERS,)),
        ("parameters_sd", "f8", (PARAMETERS,)),
        ("effective_sample_size", "f8"),
        ("zero_share", "f8"),
        ("moves", "i8"),
    ],
    align=True,
)
"""What is believed after a window. `parameters`: mu, phi, sigma_eta (not transformed). `pit` is NaN for an empty
window. `volatility` is exp(h / 2) of one return, times sqrt(1 - zero_share) where zeros are INACTIVE."""

OBSERVATION = np.dtype([("value", "f8"), ("squared", "f8"), ("count", "i8")], align=True)
"""One window: its return (NaN if only rv is known), rv, and n."""

FILTER = np.dtype(
    [
        ("scratch", np.dtype(_SCRATCH)),
        ("block_count", "i8"),
        ("method", "i8"),
        ("noise", "i8"),
        ("learning", "i8"),
        ("zeros", "i8"),
        ("seed", "i8"),
        ("degrees_of_freedom", "f8"),
        ("log_likelihood_constant", "f8"),
        ("forgetting", "f8"),
        ("shrinkage", "f8"),
        ("half_tick", "f8"),
        ("zero_forgetting", "f8"),
        ("prior_mean", "f8", (PARAMETERS,)),
        ("prior_precision", "f8", (PARAMETERS,)),
        ("sd_floors", "f8", (PARAMETERS,)),
        ("level_count", "i8"),
        ("levels", "f8", (LEVELS_MAX,)),
        ("level_scores", "f8", (LEVELS_MAX,)),
        ("draw", "i8"),
        ("steps", "i8"),
        ("steps_since_move", "i8"),
        ("moves", "i8"),
        ("information", "f8"),
        ("log_total", "f8"),
        ("zero_weight", "f8"),
        ("zero_total", "f8"),
        ("sums", "f8", (15,)),
        ("centre", "f8"),
        ("predicted", "f8", (4,)),
        ("filtered", "f8", (4,)),
        ("mean_volatility", "f8"),
        ("quantiles", "f8", (LEVELS_MAX,)),
        ("beside", "f8", (LEVELS_MAX,)),
        ("thresholds", "f8", (8,)),
        ("counts", "f8", (8,)),
        ("parameters", "f8", (PARAMETERS,)),
        ("parameters_sd", "f8", (PARAMETERS,)),
        ("found_mean", "f8", (PARAMETERS,)),
        ("found_covariance", "f8", (PARAMETERS, PARAMETERS)),
        ("wanted_mean", "f8", (PARAMETERS,)),
        ("wanted_covariance", "f8", (PARAMETERS, PARAMETERS)),
        ("matrices", "f8", (3, PARAMETERS, PARAMETERS)),
    ],
    align=True,
)
"""Settings (down to `level_scores`), then what changes. `predicted`, `filtered`: the first four cumulants of h over
all particles, before the next window and after the last. `log_total`: log of the sum of weights. `beside`: quantiles
less what the cumulants say, in deviations."""

BLOCK_BYTES = BLOCK.itemsize
FILTER_BYTES = -(-FILTER.itemsize // 128) * 128

assert BLOCK_BYTES % 128 == 0


def block_count_of(particle_count: int) -> int:
    """Blocks that hold at least so many particles."""
    return -(-particle_count // LANES)


def memory_bytes(block_count: int) -> int:
    """Size of a filter's memory."""
    return FILTER_BYTES + block_count * BLOCK_BYTES


def blocks_of(memory: np.ndarray) -> np.ndarray:
    """The blocks in a filter's memory (uint8 array), for Python."""
    return memory[FILTER_BYTES:].view(BLOCK)


@inlined
def block_at(address, index):
    """A block of the filter that begins at `address`."""
    return view(address + FILTER_BYTES + index * BLOCK_BYTES, BLOCK)

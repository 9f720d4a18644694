"""What must fail when the volatility filters are wrong: short checks, imported against a patched copy of trader.

Each returns nothing when all is well and raises AssertionError when it is not.
"""

import numpy as np

from tests.trader import test_volatility_filter, test_volatility_learning
from tests.trader.volatility_oracle import simulate
from trader.volatility import ParticleFilter


def path_agrees_with_the_exact_filter() -> None:
    test_volatility_filter.test_filter_agrees_with_the_exact_one((-1.0, 0.97, 0.2), 0)


def moved_particles_differ() -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 1_000, 2)
    made = ParticleFilter(prior=test_volatility_learning.PRIOR, particle_count=1024)
    assert made.filter(returns).moves[-1] > 3
    assert len(np.unique(made.particles["mu"])) > 1000


def weights_stay_together() -> None:
    test_volatility_learning.test_empty_windows_after_each_move_keep_the_weights_together()


def forgetting_follows() -> None:
    test_volatility_learning.test_shift_of_the_regime_is_followed_and_nothing_collapses(10_000)

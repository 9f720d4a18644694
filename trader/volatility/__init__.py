"""Volatility: what the price's own movement says of the seconds to come.

`config`            [volatility], the stage's knobs
`estimate`          incremental realised volatility over event-time windows, with its band
`realised`          realised variance of a window and of how many movements, for the filters
`traded_volume`     lots that change hands in a second
`beliefs`           a particle filter's belief as an estimate, and when to trust it
`particle_filter`   ParticleFilter: stochastic volatility whose parameters are learned, for Python programs
`settings`          what a particle filter is told, and its prior
`baselines`         EWMA and GARCH(1,1), scored one window ahead

The particle filter's insides, in the order of a window's way through them:

`observations`      series as people have them, checked
`particles`         its memory: settings, sums, blocks of particles; the model
`advancing`         compiled entry points: windows in, beliefs out
`filtering`         what every filter does with a window
`conditioning`      loops over the particles, for densities    `interval`   ... for returns known to a tick
`rao_blackwell`     one particle, one window: mode, nodes, cumulants
`joint`             the filter that draws h instead, for comparison
`summary`           weights, moments, quantiles, the probability integral transform
`resampling`        `kernel_moves`   `matrices`                moving the parameters
`fast_math`         `counter_rng`    `special`                 arithmetic
"""

from trader.volatility.config import VolatilityConfig as VolatilityConfig
from trader.volatility.particle_filter import Belief as Belief
from trader.volatility.particle_filter import Filtered as Filtered
from trader.volatility.particle_filter import ParticleFilter as ParticleFilter
from trader.volatility.settings import FilterSettings as FilterSettings
from trader.volatility.settings import Prior as Prior

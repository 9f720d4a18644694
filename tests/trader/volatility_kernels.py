"""Compiled loops over the volatility filters' arithmetic, so that tests see it as the filters do: in vector code."""

import numpy as np

from shm.kernel import kernel, view
from trader.volatility import fast_math as fm
from trader.volatility.counter_rng import fill_normals, philox
from trader.volatility.interval import mills_ratio
from trader.volatility.particles import FILTER
from trader.volatility.resampling import copy_ancestors, count_descendants

FUNCTIONS = ("exp2", "exp2_fast", "exp2_rough", "exp", "log2", "log_rough", "reciprocal", "mills_ratio")


@fm.vector
def apply(function, x, y):
    """y = function(x), float32 arrays; function: index in FUNCTIONS."""
    for i in range(len(x)):
        if function == 0:
            y[i] = fm.exp2(x[i])
        elif function == 1:
            y[i] = fm.exp2_fast(x[i])
        elif function == 2:
            y[i] = fm.exp2_rough(x[i])
        elif function == 3:
            y[i] = fm.exp(x[i])
        elif function == 4:
            y[i] = fm.log2(x[i])
        elif function == 5:
            y[i] = fm.log_rough(x[i])
        elif function == 6:
            y[i] = fm.reciprocal(x[i])
        else:
            y[i] = mills_ratio(x[i])


def applied(name: str, x: np.ndarray) -> np.ndarray:
    """A function of fast_math at float32 points, as float64."""
    y = np.zeros_like(x)
    apply(FUNCTIONS.index(name), x, y)
    return y.astype(float)


@fm.vector
def random_words(words, keys, out):
    """Philox over columns of counters, 4 rows of uint64, and keys, 2 rows."""
    for i in range(words.shape[1]):
        a, b, c, d = philox(words[0, i], words[1, i], words[2, i], words[3, i], keys[0, i], keys[1, i])
        out[0, i] = a
        out[1, i] = b
        out[2, i] = c
        out[3, i] = d


@kernel
def many_normals(out, block_lanes, seed, stream, first_draw):
    """Fill a float32 array with normals, one block after the other, a new draw each."""
    for k in range(len(out) // block_lanes):
        fill_normals(out[k * block_lanes : (k + 1) * block_lanes], block_lanes // 4, seed, stream, first_draw + k, 3)


@kernel
def descendants(address, offset):
    """Systematic resampling of a filter's particles: numbers of descendants, into `ancestor`."""
    count_descendants(view(address, FILTER), address, offset)


@kernel
def copies(address):
    """Put the copies into their places."""
    copy_ancestors(view(address, FILTER), address)

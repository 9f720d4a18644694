"""Random numbers without state: Philox4x32-10 of a seed and a counter, and normals from it by Box-Muller.

    key      = seed, 2 words          counter = (lane, block, draw, stream), 4 words
    4 words  = philox(counter, key)   -> 4 uniforms -> 2 pairs of normals

Whoever knows (seed, stream, draw, block, lane) can compute the number again; nothing has to be kept, and the order of
the draws does not matter. Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011;
its known answers are tests. Box and Muller, Annals of Mathematical Statistics 29 (1958).
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import wide_vectors
from trader.volatility.fast_math import LN_2, F, as_float, as_word, lane, log2, vector

ROUNDS = 10

_MULTIPLIER_0 = 0xD2511F53
_MULTIPLIER_1 = 0xCD9E8D57
_WEYL_0 = 0x9E3779B9
_WEYL_1 = 0xBB67AE85
_MASK = 0xFFFFFFFF

_U = np.uint64
_SHIFT = np.uint64(32)


@lane
def philox(counter_0, counter_1, counter_2, counter_3, key_0, key_1):
    """Philox4x32-10: four words of a counter and two of a key, each in a uint64, to four random words."""
    for _ in range(ROUNDS):
        product_0 = _U(_MULTIPLIER_0) * (counter_0 & _U(_MASK))
        product_1 = _U(_MULTIPLIER_1) * (counter_2 & _U(_MASK))
        counter_0 = (product_1 >> _SHIFT) ^ counter_1 ^ key_0
        counter_2 = (product_0 >> _SHIFT) ^ counter_3 ^ key_1
        counter_1 = product_1
        counter_3 = product_0
        key_0 += _U(_WEYL_0)
        key_1 += _U(_WEYL_1)
    return counter_0 & _U(_MASK), counter_1 & _U(_MASK), counter_2 & _U(_MASK), counter_3 & _U(_MASK)


@lane
def _uniform(word):
    """(word + 1/2) / 2^32 with the 24 bits that float32 holds: in (0, 1)."""
    return (F(np.int32(word >> _U(8))) + F(0.5)) * F(2.0**-24)


@lane
def _turn(word):
    """Cosine and sine of a uniformly random angle, by polynomials on an eighth of the circle.

    The top bits choose the quadrant, the rest an angle in [-pi/4, pi/4):

        quadrant  0: (c, s)    1: (-s, c)    2: (-c, -s)    3: (s, -c)
    """
    quadrant = word >> _U(30)
    angle = (F(np.int32((word >> _U(6)) & _U(0xFFFFFF))) - F(8388607.5)) * F(math.pi / 2.0**25)
    square = angle * angle
    sine = F(-1.9515295891e-4) * square + F(8.3321608736e-3)
    sine = angle + angle * square * (sine * square + F(-1.6666654611e-1))
    cosine = F(2.443315711809948e-5) * square + F(-1.388731625493765e-3)
    cosine = (cosine * square + F(4.166664568298827e-2)) * square * square + (F(1.0) - F(0.5) * square)
    odd = (quadrant & _U(1)) != _U(0)
    across = sine if odd else cosine
    up = cosine if odd else sine
    across_sign = F(-1.0) if (quadrant == _U(1)) | (quadrant == _U(2)) else F(1.0)
    up_sign = F(-1.0) if quadrant >= _U(2) else F(1.0)
    return across * across_sign, up * up_sign


@lane
def _normal_pair(radius_word, angle_word):
    radius = math.sqrt(F(-2.0 * LN_2) * log2(_uniform(radius_word)))
    cosine, sine = _turn(angle_word)
    return radius * cosine, radius * sine


@vector
def fill_normals(normals, quarter, seed, stream, draw, block):
    """Fill four quarters of a float32 array, `quarter` numbers each, with independent standard normals.

    The words stand in their places for a moment: one loop for both would be one long chain, which stalls the CPU.
    """
    wide_vectors()
    key_0, key_1 = _U(seed) & _U(_MASK), (_U(seed) >> _SHIFT) & _U(_MASK)
    for i in range(quarter):
        words = philox(_U(i), _U(block), _U(draw) & _U(_MASK), _U(stream), key_0, key_1)
        normals[i] = as_float(words[0])
        normals[i + quarter] = as_float(words[2])
        normals[i + 2 * quarter] = as_float(words[1])
        normals[i + 3 * quarter] = as_float(words[3])
    for i in range(2 * quarter):
        normals[i], normals[i + 2 * quarter] = _normal_pair(as_word(normals[i]), as_word(normals[i + 2 * quarter]))


@kernel
def uniform(seed, stream, draw):
    """One float64 in (0, 1), of the same generator."""
    words = philox(
        _U(0), _U(0), _U(draw) & _U(_MASK), _U(stream), _U(seed) & _U(_MASK), (_U(seed) >> _SHIFT) & _U(_MASK)
    )
    return (float(words[0]) + 0.5) / 2.0**32

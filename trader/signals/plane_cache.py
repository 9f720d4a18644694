"""Results of the signal plane kept by what they were made from, bit for bit: an LRU cache of at most a thousand.

A key is a 64-bit hash of the bytes; on a hit the bytes themselves are compared, so an answer can never be another
input's, whatever the hash does. What was not used for longest goes when there are too many, or they are too large.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from shm.kernel import kernel
from trader.signals.plane import checked, orthogonalise, zscore

ENTRIES_MAX = 1_000
BYTES_MAX = 1 << 28

_PRIMES = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)


class CacheCounts(NamedTuple):
    """What a cache did and holds: calls answered from it, computed, entries dropped; entries and bytes now."""

    hits: int
    misses: int
    evicted: int
    entries: int
    bytes: int


class PlaneCache:
    """`orthogonalise` and `zscore` whose results are kept. Returned arrays are read-only: they are the cache's own."""

    def __init__(self, *, entries_max: int = ENTRIES_MAX, bytes_max: int = BYTES_MAX) -> None:
        """`bytes_max`: of inputs and results together. Raises ValueError below one entry or byte."""
        for name, value in (("entries_max", entries_max), ("bytes_max", bytes_max)):
            if value < 1:
                raise ValueError(f"{name}: found {value}, allowed 1 and more")
        self._entries: OrderedDict[tuple[str, tuple[int, ...], int], tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._entries_max, self._bytes_max = entries_max, bytes_max
        self._hits = self._misses = self._evicted = self._bytes = 0

    def orthogonalise(self, x: np.ndarray) -> np.ndarray:
        """As trader.signals.orthogonalise."""
        return self._answer("orthogonalise", orthogonalise, x)

    def zscore(self, x: np.ndarray) -> np.ndarray:
        """As trader.signals.zscore."""
        return self._answer("zscore", zscore, x)

    @property
    def counts(self) -> CacheCounts:
        """What this cache did since it was made."""
        return CacheCounts(self._hits, self._misses, self._evicted, len(self._entries), self._bytes)

    def _answer(self, name: str, compute: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
        x = checked(x)
        words = x.reshape(-1).view(np.int64)
        key = name, x.shape, signature(words)
        found = self._entries.get(key)
        if found is not None and same(found[0], words):
            self._entries.move_to_end(key)
            self._hits += 1
            return found[1]
        self._misses += 1
        result = compute(x)
        result.flags.writeable = False
        self._keep(key, words.copy(), result)
        return result

    def _keep(self, key: tuple[str, tuple[int, ...], int], words: np.ndarray, result: np.ndarray) -> None:
        self._forget(key)
        if 2 * words.nbytes > self._bytes_max:
            return
        self._entries[key] = words, result
        self._bytes += 2 * words.nbytes
        while len(self._entries) > self._entries_max or self._bytes > self._bytes_max:
            self._forget(next(iter(self._entries)))
            self._evicted += 1

    def _forget(self, key: tuple[str, tuple[int, ...], int]) -> None:
        if key in self._entries:
            self._bytes -= 2 * self._entries.pop(key)[0].nbytes


@kernel
def signature(words):
    """A hash of int64 words in their order: four multiplicative chains side by side, folded."""
    a, b, c, d = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    whole = len(words) // 4 * 4
    for index in range(0, whole, 4):
        a = (a ^ np.uint64(words[index])) * _PRIMES[0]
        b = (b ^ np.uint64(words[index + 1])) * _PRIMES[1]
        c = (c ^ np.uint64(words[index + 2])) * _PRIMES[2]
        d = (d ^ np.uint64(words[index + 3])) * _PRIMES[3]
    for index in range(whole, len(words)):
        a = (a ^ np.uint64(words[index])) * _PRIMES[1]
    for word in (b, c, d):
        a = (a ^ (word >> np.uint64(29))) * _PRIMES[2] + word
    return np.int64(a ^ (a >> np.uint64(32)))


@kernel
def same(a, b):
    """Whether two int64 arrays of one length hold the same words."""
    differing = 0
    for index in range(len(a)):
        differing |= a[index] ^ b[index]
    return differing == 0

"""The signal plane: T timestamps x N assets x K signals, made comparable and free of one another.

Orthogonalised, each signal is what the K - 1 others and a constant do not explain of it over the assets of its
timestamp: its least-squares residual. With X the centred columns and G = X'X all K residuals come from one
factorisation,

    r_j = X G^-1 e_j / (G^-1)_jj                Gram matrix and Schur complement; Seber and Lee, Linear Regression, 3.9

Columns are scaled to length 1 before, so G is their correlation matrix. Normal equations lose twice the digits: where a
pivot of the Cholesky factor falls below PIVOT_MIN (a signal is explained to 99.99 %), that timestamp's residuals come
from Gram-Schmidt, done twice, for each signal in turn instead.

Timestamps have nothing to do with one another. The kernels release the GIL and start no threads of their own, which a
process that forks later could not have: whoever wants several cores passes a thread pool's `map` as `run`.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shm.kernel import Kernel, kernel
from trader.compile_hints import never_inlined
from trader.signals.exact_sums import is_finite

PIVOT_MIN = 1e-4
SPAN_MIN = 1e-10
"""A column of length 1 of which less than this is left lies in the span of the others: its residual is 0."""

CONSTANT_MAX = 1e-13
"""A column whose deviations are below this share of its values is a constant."""

Runner = Callable[..., Any]


def vector(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be taken in any order, so that they are taken eight at a time."""
    return Kernel(function, {"fastmath": {"reassoc", "contract"}})


def finite_vector(function: Callable[..., Any]) -> Any:
    """The same for values that are all finite, so that the greatest of them is found eight at a time, too."""
    return Kernel(function, {"fastmath": {"reassoc", "contract", "nnan", "nsz"}})


@vector
def dot(a, b, count):
    """Sum of a[i] b[i]."""
    total = 0.0
    for index in range(count):
        total += a[index] * b[index]
    return total


@finite_vector
def _centre(column, count):
    """Subtract the mean, twice, and scale to length 1; the length before, 0 for a constant."""
    largest = 0.0
    for index in range(count):
        largest = max(largest, abs(column[index]))
    for _ in range(2):
        mean = 0.0
        for index in range(count):
            mean += column[index]
        mean /= count
        for index in range(count):
            column[index] -= mean
    length = math.sqrt(dot(column, column, count))
    if length <= CONSTANT_MAX * largest * math.sqrt(float(count)):
        return 0.0
    scale = 1.0 / length
    for index in range(count):
        column[index] *= scale
    return length


@kernel
def _factorise(gram, factor, count):
    """Lower Cholesky factor of a correlation matrix, then its inverse, in place; 0 where a pivot is too small."""
    for j in range(count):
        pivot = gram[j, j]
        for k in range(j):
            pivot -= factor[j, k] * factor[j, k]
        if not pivot >= PIVOT_MIN:
            return 0
        factor[j, j] = math.sqrt(pivot)
        for i in range(j + 1, count):
            rest = gram[i, j]
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            factor[i, j] = rest / factor[j, j]
    for j in range(count):
        factor[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, count):
            rest = 0.0
            for k in range(j, i):
                rest -= factor[i, k] * factor[k, j]
            factor[i, j] = rest / factor[i, i]
    return 1


@vector
def _residuals(columns, factor, signals, assets, out):
    """All residuals of columns of length 1 by the inverse factor: G^-1 = F'F."""
    for j in range(signals):
        for index in range(assets):
            out[j, index] = 0.0
        own = 0.0
        for row in range(j, signals):
            own += factor[row, j] * factor[row, j]
        for k in range(signals):
            share = 0.0
            for row in range(max(j, k), signals):
                share += factor[row, j] * factor[row, k]
            share /= own
            for index in range(assets):
                out[j, index] += share * columns[k, index]


@kernel
def _residuals_by_projection(columns, basis, signals, assets, out):
    """The same where columns nearly explain one another: an orthonormal basis of the others, for each in turn."""
    never_inlined()
    for j in range(signals):
        size = 0
        for k in range(signals):
            if k != j:
                left = _project(columns[k], basis, size, assets, basis[size])
                if left > SPAN_MIN:
                    for index in range(assets):
                        basis[size, index] /= left
                    size += 1
        left = _project(columns[j], basis, size, assets, out[j])
        if left <= SPAN_MIN:
            for index in range(assets):
                out[j, index] = 0.0


@kernel
def _project(column, basis, size, assets, out):
    """What a basis leaves of a column, by Gram-Schmidt done twice; its length."""
    for index in range(assets):
        out[index] = column[index]
    for _ in range(2):
        for k in range(size):
            share = dot(basis[k], out, assets)
            for index in range(assets):
                out[index] -= share * basis[k, index]
    return math.sqrt(dot(out, out, assets))


@kernel
def _gather(x, out, columns, rows):
    """Columns of the assets that are complete, whose rows they are, and NaN for the others; how many are complete."""
    count = 0
    for i in range(x.shape[0]):
        total = 0.0
        for k in range(x.shape[1]):
            columns[k, count] = x[i, k]
            total += x[i, k] - x[i, k]
        if total == 0.0:
            rows[count] = i
            count += 1
        else:
            out[i] = np.nan
    return count


@kernel
def _scatter(residuals, lengths, alive, live, rows, count, out):
    """Residuals back to their assets and signals, in their own unit."""
    for index in range(count):
        row = out[rows[index]]
        for j in range(live):
            row[alive[j]] = residuals[j, index] * lengths[j]


@kernel
def orthogonalise_rows(x, out, first, last):
    """Residuals of timestamps `first` to `last` - 1. x, out: (T, N, K) float64, contiguous; see `orthogonalise`."""
    assets, signals = x.shape[1], x.shape[2]
    columns = np.zeros((signals, assets))
    residuals, basis = np.zeros_like(columns), np.zeros_like(columns)
    gram, factor = np.zeros((signals, signals)), np.zeros((signals, signals))
    rows = np.zeros(assets, np.int64)
    alive = np.zeros(signals, np.int64)
    lengths = np.zeros(signals)
    for t in range(first, last):
        count = _gather(x[t], out[t], columns, rows)
        if count <= signals:
            out[t] = np.nan
            continue
        live = 0
        for k in range(signals):
            if live < k:
                for index in range(count):
                    columns[live, index] = columns[k, index]
            lengths[live] = _centre(columns[live], count)
            if lengths[live] > 0.0:
                alive[live] = k
                live += 1
            else:
                for index in range(count):
                    out[t, rows[index], k] = 0.0
        for j in range(live):
            for k in range(j + 1):
                gram[j, k] = dot(columns[j], columns[k], count)
        if _factorise(gram, factor, live):
            _residuals(columns, factor, live, count, residuals)
        else:
            _residuals_by_projection(columns, basis, live, count, residuals)
        _scatter(residuals, lengths, alive, live, rows, count, out[t])


@vector
def zscore_rows(x, out, first, last):
    """z-scores of timestamps `first` to `last` - 1. x, out: (T, N, K) float64, contiguous; see `zscore`."""
    assets, signals = x.shape[1], x.shape[2]
    column = np.zeros(assets)
    for t in range(first, last):
        for k in range(signals):
            count, total = 0, 0.0
            for i in range(assets):
                value = x[t, i, k]
                there = is_finite(value)
                column[i] = value
                count += 1 if there else 0
                total += value if there else 0.0
            mean = total / count if count > 0 else 0.0
            rest, squares, largest = 0.0, 0.0, 0.0
            for i in range(assets):
                value = column[i]
                distance = value - mean if is_finite(value) else 0.0
                rest += distance
                squares += distance * distance
                largest = max(largest, abs(distance))
            # The mean's own rounding, corrected: Chan, Golub and LeVeque, The American Statistician 37 (1983).
            spread = squares - rest * rest / count if count > 0 else 0.0
            mean_low = rest / count if count > 0 else 0.0
            deviation = math.sqrt(spread / (count - 1)) if count > 1 and spread > 0.0 else 0.0
            if deviation <= CONSTANT_MAX * abs(mean):
                deviation = 0.0
            scale = 1.0 / deviation if deviation > 0.0 else 0.0
            for i in range(assets):
                value = column[i]
                score = (value - mean - mean_low) * scale
                out[t, i, k] = score if is_finite(value) else np.nan


def orthogonalise(x: np.ndarray, *, run: Runner = map, blocks: int = 1) -> np.ndarray:
    """Each signal's least-squares residual on all other signals and a constant, per timestamp.

    `x`: shape (T, N, K), any unit; residuals are in that of their signal. An asset with a signal missing (NaN or
    infinite) is left out of its timestamp and NaN there. A timestamp with K complete assets or fewer is all NaN: there
    every signal is explained by chance. A signal that is constant, or a combination of others, leaves 0.
    `run`, `blocks`: a thread pool's `map`, and over how many blocks of timestamps.

    Raises ValueError for another shape.
    """
    return _over_time(orthogonalise_rows, x, run, blocks)


def zscore(x: np.ndarray, *, run: Runner = map, blocks: int = 1) -> np.ndarray:
    """(x - mean) / sd (n - 1) over the assets of each timestamp and signal.

    `x`: shape (T, N, K). What is missing (NaN or infinite) counts nowhere and is NaN; where all that are there are
    equal, or there is only one, they are 0. `run`, `blocks`, errors: as `orthogonalise`.
    """
    return _over_time(zscore_rows, x, run, blocks)


def _over_time(rows: Callable[..., None], x: np.ndarray, run: Runner, blocks: int) -> np.ndarray:
    x = checked(x)
    if blocks < 1:
        raise ValueError(f"blocks: found {blocks}, allowed 1 and more")
    out = np.empty_like(x)
    edges = np.linspace(0, len(x), blocks + 1).astype(int).tolist()
    for _ in run(functools.partial(rows, x, out), edges[:-1], edges[1:]):
        pass
    return out


def checked(x: np.ndarray) -> np.ndarray:
    """An array (T, N, K) of float64, contiguous; copied only if it is not one. Raises ValueError for another shape."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 3 or 0 in x.shape[1:]:
        raise ValueError(f"signals: found an array of shape {x.shape}, allowed (timestamps, assets, signals)")
    return x

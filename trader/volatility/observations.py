"""Series as people have them -> OBSERVATION records, one a window; what is none is refused by name.

Anything that numpy makes an array of numbers of: lists, arrays of any float or integer type, masked arrays (what is
masked was not seen). Sizes beyond RETURN_MAX are no returns in any unit, and float32 could not square them.
"""

from typing import Any

import numpy as np

from trader.volatility.particles import OBSERVATION

RETURN_MAX = 1e15
COUNT_MAX = 1 << 24
"""Returns in a window: beyond it float32 does not count."""


def observations_of(returns: Any, squared: Any, counts: Any) -> np.ndarray:
    """Records of returns (NaN: nothing was seen), or of sums of squares and counts (0: nothing was seen).

    Raises ValueError for another shape, for what is no number, infinite returns, negative sums or counts.
    """
    if (returns is None) == (squared is None) or (squared is None) != (counts is None):
        raise ValueError("series: found neither or both, allowed either returns, or squared and counts")
    if returns is not None:
        values = _numbers("returns", returns)
        _refuse("returns", values, np.abs(values) > RETURN_MAX, f"NaN, or sizes up to {RETURN_MAX:g}")
        seen = ~np.isnan(values)
        squares, numbers = np.where(seen, values * values, 0.0), seen.astype(np.int64)
    else:
        squares, numbers = _numbers("squared", squared), _numbers("counts", counts)
        if squares.shape != numbers.shape:
            raise ValueError(f"series: found shapes {squares.shape} and {numbers.shape}, allowed the same")
        whole = (numbers >= 0) & (numbers <= COUNT_MAX) & (numbers == np.floor(numbers))
        _refuse("counts", numbers, ~whole, f"whole numbers from 0 to {COUNT_MAX}")
        squares = np.where(numbers == 0, 0.0, squares)
        sound = (squares >= 0) & (squares <= RETURN_MAX**2)
        _refuse("squared", squares, ~sound, f"0 to {RETURN_MAX**2:g} where something was seen")
        values = np.full(squares.shape, np.nan)
    observations = np.zeros(len(squares), dtype=OBSERVATION)
    observations["value"], observations["squared"], observations["count"] = values, squares, numbers
    return observations


def number_of(name: str, given: Any) -> float:
    """One number as float64. Raises ValueError for what is none."""
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: found {given!r:.40}, allowed a number") from None


def _numbers(name: str, given: Any) -> np.ndarray:
    """A float64 array of one dimension."""
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), 0.0 if name == "counts" else np.nan)
    found: Any = np.asarray(given)
    if found.dtype.kind not in "fiub" and not (found.dtype.kind == "O" and found.size):
        raise ValueError(f"{name}: found {found.dtype} such as {str(given)[:40]}, allowed numbers")
    try:
        values = found.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: found something else than numbers, allowed numbers") from None
    if values.ndim != 1:
        raise ValueError(f"{name}: found shape {values.shape}, allowed one dimension")
    return values


def _refuse(name: str, values: np.ndarray, wrong: np.ndarray, allowed: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{name}[{at}]: found {values[at]:g}, allowed {allowed}")

"""Hard series for indicators, and what each indicator is by definition: two passes over its window, in long double."""

import numpy as np

from trader.signals.indicators import STILL

POINTS = 1_000_000
CHECKED = 3_000
"""Points of a series that are computed again by definition, beside those around every jump."""

RELATIVE = 1e-9


def hard_series(kind: str, count: int = POINTS) -> np.ndarray:
    """Prices above 0, with NaN where one is missing; seeded by their kind."""
    rng = np.random.default_rng([len(kind), ord(kind[0])])
    steps = rng.standard_normal(count)
    if kind == "constant":
        prices = np.full(count, 100.25)
        prices[count // 4 : count // 2] += 0.01 * (np.arange(count // 2 - count // 4) // 10_000)
        return prices
    if kind == "offset":
        return 1e8 + np.cumsum(steps) * 0.5
    prices = 100 * np.exp(np.cumsum(1e-4 * steps))
    if kind == "jumps":
        edges = np.sort(rng.choice(count, 60, replace=False))
        factors = np.repeat(rng.choice([1e-4, 1.0, 1e4, 1e8], 61), np.diff(np.r_[0, edges, count]))
        return prices * factors
    assert kind == "gaps", kind
    prices[rng.random(count) < 0.05] = np.nan
    prices[rng.random(count) < 0.01] = np.inf
    for start in rng.choice(count - 5_000, 5, replace=False):
        prices[start : start + 5_000] = np.nan
    return prices


SERIES = ("constant", "offset", "jumps", "gaps")


def checked_points(series: np.ndarray) -> np.ndarray:
    """Random points, the first and last ones, and those behind large changes."""
    rng = np.random.default_rng(7)
    with np.errstate(invalid="ignore"):
        jumps = np.flatnonzero(np.abs(np.diff(series)) > 0.5 * np.abs(series[1:]))[:20]
    near = (jumps[:, None] + np.arange(0, 160, 7)).ravel()
    points = np.r_[rng.choice(len(series), CHECKED), np.arange(200), len(series) - 1 - np.arange(50), near]
    return np.unique(points[points < len(series)])


def last_known(known: np.ndarray) -> np.ndarray:
    """Per point, how many known observations there are up to it."""
    return np.cumsum(known)


def windows(values: np.ndarray, ends: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Long double windows (n, length) of the values before each end, newest last, and which entries there are."""
    index = ends[:, None] - length + np.arange(length)
    there = index >= 0
    return np.where(there, values[np.maximum(index, 0)], 0).astype(np.longdouble), there


def zscore_truth(series: np.ndarray, points: np.ndarray, length: int) -> np.ndarray:
    """(x - mean) / sd of each window, 0 where nothing varies."""
    known = np.isfinite(series)
    ends = last_known(known)[points]
    x, there = windows(series[known], ends, length)
    x -= x[:, -1:].copy()
    count = there.sum(axis=1)
    mean = np.where(there, x, 0).sum(axis=1) / np.maximum(count, 1)
    distance = np.where(there, x - mean[:, None], 0)
    deviation = np.sqrt(np.square(distance).sum(axis=1) / np.maximum(count - 1, 1))
    varies = np.where(there, x, x[:, -1:]).min(axis=1) < np.where(there, x, x[:, -1:]).max(axis=1)
    return np.where(varies, distance[:, -1] / np.where(deviation > 0, deviation, 1), 0)


def changes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Changes between neighbours that are both known, and per point how many of them there are up to it."""
    known = np.isfinite(values)
    linked = known & np.r_[False, known[:-1]]
    return (values - np.roll(values, 1))[linked], np.cumsum(linked)


def realised_truth(prices: np.ndarray, points: np.ndarray, length: int) -> np.ndarray:
    """Root mean square of the last `length` log returns, bps; 0 before the first."""
    prices = np.where(np.isfinite(prices) & (prices > 0), prices, np.nan).astype(np.longdouble)
    moves, seen = changes(prices)
    linked = np.isfinite(prices) & np.r_[False, np.isfinite(prices[:-1])]
    before = np.roll(prices, 1)[linked]
    returns = np.where(np.abs(moves) < before / 2, np.log1p(moves / before), np.log(prices[linked] / before))
    x, there = windows(1e4 * returns, seen[points], length)
    return np.sqrt(np.where(there, x * x, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))


def vwap_truth(prices: np.ndarray, sizes: np.ndarray, points: np.ndarray, length: int) -> np.ndarray:
    """Sum of price x size over sum of size."""
    known = np.isfinite(prices) & np.isfinite(sizes)
    ends = last_known(known)[points]
    p, _ = windows(prices[known], ends, length)
    q, _ = windows(sizes[known], ends, length)
    total = q.sum(axis=1)
    return np.where(total > 0, (p * q).sum(axis=1) / np.where(total > 0, total, 1), np.nan)


def ema_truth(series: np.ndarray, points: np.ndarray, gain: float) -> np.ndarray:
    """Weights gain (1 - gain)^k on what came k before, what is left of them on the first."""
    known = np.isfinite(series)
    values, ends = series[known], last_known(known)[points]
    return weighted_truth(values, ends, gain, values[0] if len(values) else np.nan)


def weighted_truth(values: np.ndarray, ends: np.ndarray, gain: float, first: float) -> np.ndarray:
    """A recursion written out: sum of gain (1 - gain)^k x_(end-1-k), and (1 - gain)^end of the first."""
    reach = int(60 / gain)
    x, there = windows(values, ends, reach)
    weights = np.longdouble(gain) * (1 - np.longdouble(gain)) ** np.arange(reach - 1, -1, -1)
    rest = (1 - np.longdouble(gain)) ** np.minimum(ends, reach)
    return np.where(there, x, 0) @ weights + np.where(ends <= reach, rest * first, 0)


def rsi_truth(prices: np.ndarray, points: np.ndarray, length: int) -> np.ndarray:
    """Wilder's means of rises and falls: equal weights for the first `length` changes, then 1 / length."""
    moves, seen = changes(np.where(np.isfinite(prices), prices, np.nan))
    ends = seen[points]
    means = []
    for side in (np.maximum(moves, 0), np.maximum(-moves, 0)):
        first = side[:length].astype(np.longdouble).mean()
        means.append(weighted_truth(side[length:], np.maximum(ends - length, 0), 1 / length, float(first)))
    moved = means[0] + means[1]
    known = np.maximum(last_known(np.isfinite(prices))[points] - 1, 0)
    still = moved <= STILL * np.abs(prices[np.isfinite(prices)][known])
    return np.where((ends < length) | still, 50, 100 * means[0] / np.where(moved > 0, moved, 1))


def autocorrelation(signs: np.ndarray, lag: int) -> float:
    """The sample autocorrelation as it is defined; 0 where nothing varies."""
    deviation = signs - signs.mean()
    spread = float(deviation @ deviation)
    return float(deviation[lag:] @ deviation[:-lag]) / spread if spread > 0 and len(signs) > lag + 1 else 0.0


def touch_changes(touch: np.ndarray) -> np.ndarray:
    """Contributions to order-flow imbalance of rows (bid, bid lots, ask, ask lots) from the second on."""
    (b0, bl0, a0, al0), (b1, bl1, a1, al1) = touch[:-1].T, touch[1:].T
    return (b1 >= b0) * bl1 - (b1 <= b0) * bl0 - (a1 <= a0) * al1 + (a1 >= a0) * al0

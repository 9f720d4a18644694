"""How good a signal is: information coefficient and hit rate against what came after; weights by regression.

    information coefficient    Spearman's rank correlation of signal and later move; Grinold and Kahn, Active Portfolio
                               Management, chapter 6, with ranks so that outliers do not make it
    hit rate                   share of moves whose sign the signal had; moves and signals of 0 do not count
    weights                    least squares of the move, in usual deviations and cut to MOVE_MAX, on the signals

Events overlap (a second ahead from each of a thousand events in it), so a standard error counts blocks of the horizon,
not events: 1 / sqrt(blocks - 1).
"""

from typing import NamedTuple

import numpy as np

MOVE_MAX = 5.0
"""Deviations of a move that a regression sees at most: a few jumps do not make the weights."""


class Score(NamedTuple):
    """One signal's score. `standard_error`: of the coefficient, were it 0; `moves`: events that the hit rate counts."""

    coefficient: float
    standard_error: float
    hit_rate: float
    moves: int


def future_moves_bps(event_ns: np.ndarray, mid: np.ndarray, horizon_ns: int) -> np.ndarray:
    """The mid's move from each event to the last one within `horizon_ns` after it, in bps; NaN where that is not known.

    `event_ns`: shape (n,), rising; `mid`: shape (n,), any unit above 0, NaN where there is none. The last horizon of
    the recording is NaN.
    """
    after = np.searchsorted(event_ns, event_ns + horizon_ns, side="right") - 1
    moves = 1e4 * np.log(mid[after] / mid)
    moves[event_ns + horizon_ns > event_ns[-1]] = np.nan
    return moves


def score(signal: np.ndarray, moves: np.ndarray, blocks: int) -> Score:
    """Score a signal (n,) against moves (n,); pairs with a NaN do not count. `blocks`: independent spans among them."""
    known = np.isfinite(signal) & np.isfinite(moves)
    signal, moves = signal[known], moves[known]
    moved = (signal != 0) & (moves != 0)
    hits = float(np.mean(np.sign(signal[moved]) == np.sign(moves[moved]))) if moved.any() else np.nan
    error = 1 / np.sqrt(max(blocks - 1, 1))
    return Score(rank_correlation(signal, moves), float(error), hits, int(moved.sum()))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's coefficient of two arrays (n,), ties at their mean rank; NaN where one does not vary."""
    if len(a) < 2:
        return float("nan")
    ranks = [_ranks(each) for each in (a, b)]
    deviations = [each - each.mean() for each in ranks]
    scale = float(np.sqrt(np.square(deviations[0]).sum() * np.square(deviations[1]).sum()))
    return float(deviations[0] @ deviations[1]) / scale if scale > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


def calibrate(signals: np.ndarray, moves_bps: np.ndarray, deviations_bps: np.ndarray) -> np.ndarray:
    """Weights (K,): least squares of moves, in usual deviations, on signals, without a constant.

    `signals`: (n, K) in [-1, 1]; `moves_bps`: (n,); `deviations_bps`: (n,), usual deviation of the horizon. Events with
    a NaN, or with no deviation yet, do not count; with none left the weights are 0.
    """
    known = np.isfinite(signals).all(axis=1) & np.isfinite(moves_bps) & (deviations_bps > 0)
    if not known.any():
        return np.zeros(signals.shape[1])
    moves = np.clip(moves_bps[known] / deviations_bps[known], -MOVE_MAX, MOVE_MAX)
    weights = np.linalg.lstsq(signals[known], moves, rcond=None)[0]
    return np.asarray(weights)

"""Realised variances: what of a window is observed, on which scale, and what a gap does."""

import math

import numpy as np
import pytest

from shm.kernel import address_of_array, new_record
from trader.volatility import ParticleFilter, VolatilityConfig
from trader.volatility.advancing import foresee
from trader.volatility.estimate import ESTIMATOR, configure, observe_mid, reset_window
from trader.volatility.particles import BELIEF, OBSERVATION

WINDOW_NS, PART_NS = 150_000_000, 10_000_000
MID = 1_000_000_000


def make_estimator(**knobs: object) -> np.ndarray:
    estimator = new_record(ESTIMATOR)
    configure(estimator[0], VolatilityConfig(observed="realised", **knobs))
    return estimator


def give(estimator: np.ndarray, window: int, moves_bps: dict[int, float], start_bps: float = 0.0) -> float:
    """A window's mids: at part k the mid moves by so much. Returns where it is at the end."""
    at = start_bps
    observe_mid(estimator[0], window * WINDOW_NS, round(MID * math.exp(at / 1e4)))
    for part, moved in moves_bps.items():
        at += moved
        observe_mid(estimator[0], window * WINDOW_NS + part * PART_NS + 5, round(MID * math.exp(at / 1e4)))
    return at


def parts_of(estimator: np.ndarray) -> tuple[float, int]:
    parts = estimator[0]["parts"]
    return float(parts["squared"]), int(parts["count"])


def test_window_is_observed_as_its_moved_parts_squares_and_how_many_they_are() -> None:
    estimator, at = make_estimator(), 0.0
    seen, moves = [], [{1: 1.0, 3: -2.0, 14: 0.5}, {}, {2: 3.0}, {0: 1.0, 5: 1.0, 6: 1.0}, {}]
    for window, of_window in enumerate([{}, *moves], 1_000):
        at = give(estimator, window, of_window, at)
        seen.append(parts_of(estimator))
    decay, window_mean, part_mean, expected = float(estimator[0]["decay"]), 1e-5, 1e-5, []
    for of_window in moves[:-1]:
        sizes = np.array(list(of_window.values()))
        squared = float(np.square(sizes).sum())
        if len(sizes):
            window_mean = decay * window_mean + (1 - decay) * sizes.sum() ** 2
            part_mean = decay * part_mean + (1 - decay) * squared / len(sizes)
        expected.append((squared * window_mean / part_mean, len(sizes)))

    # A window is over with the first event of the next.
    for found, wanted in zip(seen[2:], expected, strict=True):
        assert found == (pytest.approx(wanted[0], rel=1e-3), wanted[1])


def test_movements_within_a_part_are_one() -> None:
    estimator = make_estimator()
    at = give(estimator, 1_000, {})
    at = give(estimator, 1_001, {}, at)
    for offset_ns, moved in ((20_000_000, 1.0), (24_000_000, 1.0), (29_999_999, -0.5), (30_000_000, 2.0)):
        at += moved
        observe_mid(estimator[0], 1_001 * WINDOW_NS + offset_ns, round(MID * math.exp(at / 1e4)))
    give(estimator, 1_002, {}, at)
    parts = estimator[0]["parts"]

    assert parts["count"] == 2
    assert parts["squared"] * parts["part_mean"] / parts["return_mean"] == pytest.approx(1.5**2 + 2**2, rel=1e-3)


def test_bounce_is_brought_to_the_scale_of_returns() -> None:
    """Parts that mostly take back the part before: the observed mean square is that of the returns, not the sum's."""
    rng, estimator = np.random.default_rng(4), make_estimator()
    at, squares, returns = 0.0, [], []
    for window in range(1_000, 3_000):
        moves = np.diff(
            np.append(0, 2 * rng.standard_normal(15)) + np.append(0, 0.1 * rng.standard_normal(15)).cumsum()
        )
        before, at = at, give(estimator, window, dict(enumerate(moves.tolist())), at)
        squared, count = parts_of(estimator)
        if window > 1_500:
            squares.append(squared / max(count, 1))
            returns.append((at - before) ** 2)

    assert np.mean(squares) == pytest.approx(np.mean(returns), rel=0.15)


def test_gap_drops_the_open_parts() -> None:
    estimator = make_estimator()
    at = give(estimator, 1_000, {})
    at = give(estimator, 1_001, {2: 5.0}, at)
    reset_window(estimator[0])
    at = give(estimator, 1_002, {3: 50.0}, at + 500)
    at = give(estimator, 1_003, {4: 1.0}, at)
    at = give(estimator, 1_004, {}, at)
    parts = estimator[0]["parts"]

    assert parts["count"] == 1
    assert parts["squared"] * parts["part_mean"] / parts["return_mean"] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("knobs", "realised"),
    [
        ({}, False),
        ({"window_ms": 10}, True),
        ({"window_ms": 49}, True),
        ({"window_ms": 50}, False),
        ({"window_ms": 10, "observed": "return"}, False),
        ({"observed": "realised"}, True),
        ({"observed": "realised", "method": "ewma"}, False),
    ],
)
def test_what_is_observed_follows_the_window_unless_it_is_told(knobs: dict, realised: bool) -> None:
    estimator = new_record(ESTIMATOR)
    configure(estimator[0], VolatilityConfig(**knobs))

    assert VolatilityConfig(**knobs).is_realised is realised
    assert bool(estimator[0]["realised"]) is realised


def test_transform_of_a_realised_variance_is_on_its_returns_side() -> None:
    made = ParticleFilter(parameters=(0.0, 0.9, 0.2))
    made.filter([0.5, -0.3])
    observed, beliefs = np.zeros(6, OBSERVATION), np.zeros(6, BELIEF)
    observed["count"] = 4
    observed["squared"] = [4.0, 4.0, 4.0, 60.0, 60.0, 1e-6]
    observed["value"] = [1.0, -1.0, np.nan, 1.0, -1.0, 1.0]
    memory = made.memory.copy()
    foresee.compiled.ctypes(address_of_array(made.memory), address_of_array(observed), 6, address_of_array(beliefs), 0)
    pit = beliefs["pit"]

    assert pit[0] == pytest.approx(0.5 + pit[2] / 2) and pit[1] == pytest.approx(0.5 - pit[2] / 2)
    assert pit[3] > 0.999 and pit[4] < 0.001 and pit[5] == pytest.approx(0.5, abs=1e-3)
    assert (made.memory == memory).all(), "foreseeing learns nothing"

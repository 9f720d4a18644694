"""The signal plane: residuals are those of K least squares, z-scores of their cross-section; the cache is exact."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.signals import PlaneCache, orthogonalise, zscore
from trader.signals import plane_cache as plane_cache_module


def least_squares(x: np.ndarray) -> np.ndarray:
    """The oracle: K regressions a timestamp, each signal on the others and a constant, over complete assets."""
    out = np.full_like(x, np.nan)
    for t, signals in enumerate(x):
        complete = np.isfinite(signals).all(axis=1)
        if complete.sum() <= x.shape[2]:
            continue
        for j in range(x.shape[2]):
            others = np.delete(signals[complete], j, axis=1)
            others = np.column_stack([others / np.maximum(np.abs(others).max(axis=0), 1e-9), np.ones(complete.sum())])
            own = signals[complete, j]
            out[t, complete, j] = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
    return out


def correlated(shape: tuple[int, int, int], seed: int = 1) -> np.ndarray:
    """Signals that lean on one another, of different sizes and offsets."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((shape[2], shape[2]))
    return 50 * rng.standard_normal(shape[2]) + rng.standard_normal(shape) @ mixing * 10.0 ** np.arange(
        -2, shape[2] - 2
    )


@pytest.mark.parametrize("shape", [(30, 60, 6), (7, 3, 2), (5, 40, 1), (3, 9, 8), (2, 200, 12), (0, 4, 2)])
def test_residuals_are_those_of_least_squares(shape: tuple[int, int, int]) -> None:
    x = correlated(shape)
    scale = np.abs(x).max(axis=(0, 1)) if len(x) else 1.0

    np.testing.assert_allclose(orthogonalise(x) / scale, least_squares(x) / scale, atol=1e-9)


def test_residuals_of_known_regressions() -> None:
    rng = np.random.default_rng(2)
    a, noise = rng.standard_normal((2, 500))
    a, noise = a - a.mean(), noise - noise.mean()
    noise -= a * (a @ noise) / (a @ a)
    # b is 3 a + noise, and noise is free of a: what a does not explain of b is the noise itself.
    residuals = orthogonalise(np.stack([a, 3 * a + noise + 17], axis=1)[None])[0]

    np.testing.assert_allclose(residuals[:, 1], noise, atol=1e-12)
    slope = 3 * (a @ a) / (9 * (a @ a) + noise @ noise)
    np.testing.assert_allclose(residuals[:, 0], a - slope * (3 * a + noise), atol=1e-12)


def test_signals_that_explain_each_other_almost_or_wholly() -> None:
    x = correlated((6, 60, 4))
    x[0, :, 1] = x[0, :, 0] * (1 + 1e-5 * np.random.default_rng(3).standard_normal(60))
    x[1, :, 3] = 2 * x[1, :, 0] - x[1, :, 1] + 5
    x[2, :, 2] = 4.5
    x[3] = 7.0
    found, expected = orthogonalise(x), least_squares(x)

    np.testing.assert_allclose(found[0], expected[0], atol=1e-9 * np.abs(x[0]).max())
    assert (found[1][:, [0, 1, 3]] == 0).all()
    assert np.abs(expected[1][:, [0, 1, 3]]).max() < 1e-9
    np.testing.assert_allclose(found[1][:, 2], expected[1][:, 2], atol=1e-9 * np.abs(x[1]).max())
    assert (found[2][:, 2] == 0).all() and (found[3] == 0).all()
    np.testing.assert_allclose(found[2], expected[2], atol=1e-9 * np.abs(x[2]).max())


def test_assets_with_a_missing_signal_are_left_out() -> None:
    x = correlated((40, 30, 5))
    x[np.random.default_rng(4).random(x.shape) < 0.05] = np.nan
    x[0, 6:] = np.nan
    x[1, 5:, 2] = np.inf
    x[2] = np.nan
    found, expected = orthogonalise(x), least_squares(x)

    assert (np.isnan(found) == np.isnan(expected)).all() and np.isnan(found[1:3]).all()
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.nanmax(np.abs(x[np.isfinite(x)])))


@given(seed=st.integers(0, 1000), missing=st.sampled_from([0.0, 0.1, 0.7, 1.0]), offset=st.sampled_from([0.0, 1e8]))
def test_zscores_are_of_what_is_there(seed: int, missing: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    x = offset + rng.standard_normal((4, 17, 3))
    x[rng.random(x.shape) < missing] = np.nan
    x[1, :, 1] = 3.3
    expected = np.full_like(x, np.nan)
    for t in range(4):
        for k in range(3):
            there = np.isfinite(x[t, :, k])
            column = x[t, there, k].astype(np.longdouble)
            deviation = column.std(ddof=1) if len(column) > 1 else 0
            expected[t, there, k] = (column - column.mean()) / deviation if deviation > 0 else 0
    expected[1, :, 1] = 0

    np.testing.assert_allclose(zscore(x), expected, rtol=1e-9, atol=1e-9)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as threads:
        yield threads


@pytest.mark.parametrize("blocks", [1, 3, 100])
def test_blocks_of_timestamps_on_threads_give_the_same(pool: ThreadPoolExecutor, blocks: int) -> None:
    x = correlated((50, 20, 4))

    assert (orthogonalise(x, run=pool.map, blocks=blocks) == orthogonalise(x)).all()
    assert (zscore(x, run=pool.map, blocks=blocks) == zscore(x)).all()


def test_shapes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"found an array of shape \(3, 4\), allowed"):
        orthogonalise(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="blocks: found 0"):
        zscore(np.zeros((3, 4, 2)), blocks=0)
    with pytest.raises(ValueError, match="entries_max: found 0"):
        PlaneCache(entries_max=0)


def test_cache_answers_for_the_very_same_bytes_only() -> None:
    cache, x = PlaneCache(), correlated((5, 9, 3))
    first = cache.orthogonalise(x)
    other = x.copy()
    other[4, 8, 2] = np.nextafter(other[4, 8, 2], np.inf)

    assert cache.orthogonalise(x.copy()) is first
    assert cache.orthogonalise(other) is not first
    assert cache.orthogonalise(x.reshape(9, 5, 3)).shape == (9, 5, 3)
    assert (cache.zscore(x) == zscore(x)).all()
    assert cache.counts[:3] == (1, 4, 0) and not first.flags.writeable


def test_an_input_changed_after_the_call_does_not_change_what_is_kept() -> None:
    cache, x = PlaneCache(), correlated((5, 9, 3))
    first = cache.orthogonalise(x)
    x[0] += np.random.default_rng(1).standard_normal((9, 3))

    assert (cache.orthogonalise(x) == orthogonalise(x)).all()
    assert cache.counts.hits == 0 and not (first == orthogonalise(x)).all()


def test_one_hash_for_everything_would_still_give_no_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane_cache_module, "signature", lambda words: 0)
    cache = PlaneCache()
    for seed in (1, 2, 1, 2):
        x = correlated((3, 9, 3), seed)
        assert (cache.orthogonalise(x) == orthogonalise(x)).all()

    assert cache.counts.hits == 0


def test_cache_drops_what_was_not_used_for_longest() -> None:
    cache, inputs = PlaneCache(entries_max=2), [correlated((2, 5, 2), seed) for seed in range(3)]
    for index in (0, 1, 0, 2, 0, 1):
        cache.zscore(inputs[index])

    assert cache.counts == (2, 4, 2, 2, 2 * 2 * inputs[0].nbytes)


def test_cache_holds_no_more_bytes_than_it_may() -> None:
    x = correlated((2, 5, 2))
    cache = PlaneCache(bytes_max=5 * x.nbytes)
    for seed in range(4):
        cache.zscore(correlated((2, 5, 2), seed))
    cache.zscore(correlated((20, 50, 2)))

    assert cache.counts.entries == 2 and cache.counts.bytes == 4 * x.nbytes

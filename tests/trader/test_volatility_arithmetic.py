"""The volatility filters' arithmetic: fast functions, random numbers, distribution functions, resampling, matrices."""

import math

import llvmlite.binding
import numba
import numpy as np
import pytest

from shm.kernel import address_of_array
from tests.trader.volatility_kernels import applied, copies, descendants, many_normals, random_words
from trader.volatility.counter_rng import fill_normals
from trader.volatility.matrices import factorise, invert, invert_triangle, multiply
from trader.volatility.particles import BLOCK, FILTER, LANES, blocks_of
from trader.volatility.settings import new_memory
from trader.volatility.special import beta_cdf, gamma_cdf, normal_cdf, student_cdf

NORMALS = 4_000_000


@pytest.mark.parametrize(
    ("name", "low", "high", "error"),
    [("exp2", -125, 126, 2.5e-7), ("exp2_fast", -125, 126, 3e-6), ("exp2_rough", -125, 125, 1e-4)],
)
def test_powers_of_two_are_as_exact_as_told(name: str, low: float, high: float, error: float) -> None:
    x = np.linspace(low, high, 1_000_003).astype(np.float32)

    assert np.abs(applied(name, x) / 2.0 ** x.astype(float) - 1).max() < error


def test_exponential_and_reciprocal_are_as_exact_as_told() -> None:
    x = np.linspace(-20, 20, 1_000_003).astype(np.float32)

    assert np.abs(applied("exp", x) / np.exp(x.astype(float)) - 1).max() < 1.5e-6
    assert np.abs(applied("reciprocal", x[x != 0]) * x[x != 0] - 1).max() < 2e-7


@pytest.mark.parametrize(("name", "base", "error"), [("log2", 2.0, 2e-7), ("log_rough", math.e, 2e-4)])
def test_logarithms_are_as_exact_as_told(name: str, base: float, error: float) -> None:
    x = np.exp(np.linspace(-80, 80, 1_000_003)).astype(np.float32)
    expected = np.log(x.astype(float)) / math.log(base)

    assert (np.abs(applied(name, x) - expected) / np.maximum(np.abs(expected), 1)).max() < error


def test_tiny_powers_become_tiny_and_not_garbage() -> None:
    x = np.array([-126, -150, -1e4, -1e30], dtype=np.float32)

    assert (applied("exp2_fast", x) == applied("exp2_fast", np.full(4, -125, np.float32))).all()


def test_mills_ratio_agrees_with_the_error_function_and_its_limit() -> None:
    x = np.linspace(0, 7, 5_001).astype(np.float32)
    expected = [0.5 * math.erfc(v / math.sqrt(2)) * math.exp(v * v / 2) * math.sqrt(2 * math.pi) for v in x.tolist()]

    assert np.abs(applied("mills_ratio", x) / expected - 1).max() < 4e-6
    assert applied("mills_ratio", np.array([1e4], np.float32)) * 1e4 == pytest.approx(1, rel=1e-5)


def test_loops_use_the_widest_vectors_that_the_cpu_has() -> None:
    features = llvmlite.binding.get_host_cpu_features()
    width = next((width for has, width in (("avx512f", "zmm"), ("avx2", "ymm")) if features.get(has)), None)
    if width is None:
        pytest.skip("a CPU without AVX2")

    # Compiled here and now: of what comes from the cache there is no machine code to read.
    @numba.njit("void(float32[::1])")
    def fill(normals: np.ndarray) -> None:
        fill_normals(normals, LANES // 4, 1, 2, 3, 4)

    (code,) = fill.inspect_asm().values()
    assert any("vmulps" in line and f"%{width}" in line for line in code.splitlines())


def test_philox_gives_the_known_answers() -> None:
    # Random123's kat_vectors, philox4x32-10: counter and key all 0, all ones, digits of pi.
    ones = 0xFFFFFFFF
    words = np.array([[0] * 4, [ones] * 4, [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]], dtype=np.uint64)
    keys = np.array([[0] * 2, [ones] * 2, [0xA4093822, 0x299F31D0]], dtype=np.uint64)
    # Repeated, so that the vectorised code answers and not the loop's remainder.
    found = np.zeros((4, 3 * 32), dtype=np.uint64)
    random_words(np.tile(words.T, 32).copy(), np.tile(keys.T, 32).copy(), found)
    expected = [
        [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8],
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ]

    assert (found.T.reshape(32, 3, 4) == np.array(expected, dtype=np.uint64)).all()


def test_normals_are_normal() -> None:
    normals = np.zeros(NORMALS, dtype=np.float32)
    many_normals(normals, LANES, 7, 3, 0)
    x = np.sort(normals.astype(float))
    at = np.arange(0, NORMALS, 1_000)
    distance = np.abs(np.array([normal_cdf(v) for v in x[at]]) - at / NORMALS).max()

    assert distance * math.sqrt(NORMALS) < 1.63  # the Kolmogorov-Smirnov statistic's 99th percentile
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - moment) < 3.3 * math.sqrt(variance / NORMALS)
    assert 4.8 < x[-1] < 6 and 4.8 < -x[0] < 6


def test_normals_of_other_seeds_streams_and_draws_do_not_repeat_or_correlate() -> None:
    rows = []
    for seed, stream, draw in ((7, 3, 0), (8, 3, 0), (7, 4, 0), (7, 3, 100_000), (7 + (1 << 40), 3, 0)):
        rows.append(np.zeros(100_000, dtype=np.float32))
        many_normals(rows[-1], 100, seed, stream, draw)
    again = np.zeros(100_000, dtype=np.float32)
    many_normals(again, 100, 7, 3, 0)
    correlation = np.corrcoef([*rows, np.roll(rows[0], 1), np.square(rows[0])])

    assert (again == rows[0]).all()
    assert np.abs(correlation[np.triu_indices(7, 1)]).max() < 0.015


def test_distribution_functions_agree_with_closed_forms() -> None:
    for x in (0.01, 0.3, 1.0, 2.5, 7.0, 40.0):
        assert gamma_cdf(1.0, x) == pytest.approx(1 - math.exp(-x), rel=1e-12)
        assert gamma_cdf(0.5, x) == pytest.approx(math.erf(math.sqrt(x)), rel=1e-12)
        assert gamma_cdf(3.0, x) == pytest.approx(1 - math.exp(-x) * (1 + x + x * x / 2), rel=1e-9)
        assert student_cdf(x, 1.0) == pytest.approx(0.5 + math.atan(x) / math.pi, rel=1e-12)
        assert student_cdf(-x, 2.0) == pytest.approx(0.5 - x / (2 * math.sqrt(2 + x * x)), rel=1e-9)
        assert student_cdf(x, 5e3) == pytest.approx(normal_cdf(x), abs=1e-3)
        share = x / (1 + x)
        assert beta_cdf(1.0, 2.5, share) == pytest.approx(1 - (1 - share) ** 2.5, rel=1e-10)
        assert beta_cdf(2.0, 3.0, share) == pytest.approx(1 - beta_cdf(3.0, 2.0, 1 - share), rel=1e-10)
    assert gamma_cdf(2_000.0, 2_000.0) == pytest.approx(0.5, abs=0.005)
    assert gamma_cdf(2.0, 0.0) == beta_cdf(2.0, 3.0, 0.0) == 0 and beta_cdf(2.0, 3.0, 1.0) == 1


def filter_with(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A filter's memory with given weights, and its blocks; every particle's mu is its number."""
    memory = new_memory(len(weights) // LANES)
    memory[: FILTER.itemsize].view(FILTER)[0]["block_count"] = len(weights) // LANES
    blocks = blocks_of(memory)
    blocks["weight"] = weights.reshape(-1, LANES)
    blocks["mu"] = np.arange(len(weights)).reshape(-1, LANES)
    return memory, blocks


def test_systematic_resampling_counts_are_within_one_of_their_share_and_right_on_average() -> None:
    rng = np.random.default_rng(5)
    weights = np.exp(2 * rng.standard_normal(5 * LANES)).astype(np.float32)
    weights[[3, 100, 639]] = 0
    share = len(weights) * weights.astype(float) / weights.astype(float).sum()
    memory, blocks = filter_with(weights)
    total = np.zeros(len(weights))
    offsets = (np.arange(200) + rng.random()) / 200
    for offset in offsets:
        descendants(address_of_array(memory), offset)
        counts = blocks["ancestor"].reshape(-1)
        total += counts
        assert counts.sum() == len(weights)
        assert (np.abs(counts - share) < 1).all()
        assert (counts[weights == 0] == 0).all()

    assert np.abs(total / 200 - share).max() < 0.01


@pytest.mark.parametrize("offset", [0.0, 0.5, 1 - 2**-33])
@pytest.mark.parametrize("only", [0, 200, 255])
def test_resampling_one_particle_with_all_the_weight_copies_it_everywhere(offset: float, only: int) -> None:
    weights = np.zeros(2 * LANES, dtype=np.float32)
    weights[only] = 1e-30
    memory, blocks = filter_with(weights)
    descendants(address_of_array(memory), offset)
    copies(address_of_array(memory))

    assert (blocks["mu"] == only).all()


def test_copies_are_of_those_with_descendants_and_as_many() -> None:
    weights = np.random.default_rng(6).pareto(1.5, 4 * LANES).astype(np.float32)
    memory, blocks = filter_with(weights)
    descendants(address_of_array(memory), 0.4)
    counts = blocks["ancestor"].reshape(-1).copy()
    copies(address_of_array(memory))
    numbers = blocks["mu"].reshape(-1)

    assert (np.bincount(numbers.astype(int), minlength=len(weights)) == counts).all()
    assert (numbers[counts > 0] == np.flatnonzero(counts > 0)).all()


def test_three_by_three_matrices_agree_with_numpy() -> None:
    rng = np.random.default_rng(8)
    factor, inverse, product, spare = (np.zeros((3, 3)) for _ in range(4))
    for _ in range(50):
        root = rng.standard_normal((3, 3)) * np.exp(rng.uniform(-3, 1, 3))[:, None]
        covariance = root @ root.T + 1e-9 * np.eye(3)
        factorise(covariance, factor)
        invert_triangle(factor, inverse)
        multiply(factor, inverse, product)
        assert np.allclose(factor, np.linalg.cholesky(covariance), rtol=1e-7, atol=1e-12)
        assert np.allclose(product, np.eye(3), atol=1e-9)
        invert(covariance, product, factor, spare)
        assert np.allclose(product @ covariance, np.eye(3), atol=1e-4)


def test_degenerate_covariance_keeps_its_factor_finite() -> None:
    factor = np.zeros((3, 3))
    factorise(np.diag([1.0, 0.0, 1e-30]), factor)

    assert np.isfinite(factor).all() and (np.diag(factor) > 0).all()


def test_memory_layout_has_whole_cache_lines() -> None:
    assert BLOCK.itemsize == 12 * 4 * LANES
    assert address_of_array(new_memory(3)) % 128 == 0

"""The particle filter against its baselines, by what each said of the next window before it came."""

import gzip
import math
from pathlib import Path

import msgspec
import numpy as np

from tests.trader.volatility_oracle import simulate
from trader.volatility import ParticleFilter, Prior
from trader.volatility.baselines import ewma, garch

PRIOR = Prior(mu=(0.0, 1.5), atanh_phi=(2.6, 0.6), log_sigma=(-2.3, 0.6))


def test_garch_finds_its_own_constants() -> None:
    rng = np.random.default_rng(3)
    returns, variance = np.zeros(8_000), 1.0
    for t in range(len(returns)):
        returns[t] = math.sqrt(variance) * rng.standard_normal()
        variance = 0.05 + 0.1 * returns[t] ** 2 + 0.85 * variance
    _, a, b = garch(returns, fit=8_000).constants

    assert abs(a - 0.1) < 0.03 and abs(b - 0.85) < 0.05
    assert garch(returns, fit=8_000).log_scores.sum() > ewma(returns, fit=8_000).log_scores.sum()


def test_filter_scores_better_than_its_baselines_on_its_own_model() -> None:
    returns, _ = simulate((0.0, 0.97, 0.25), 3_000, 5)
    found = ParticleFilter(prior=PRIOR).filter(returns).log_likelihoods[1_000:].mean()

    for baseline in (ewma, garch):
        assert found > baseline(returns, fit=1_000).log_scores[1_000:].mean() + 0.005


def recorded_returns(path: Path, window_ns: int) -> np.ndarray:
    """Log returns of the mid in bps over windows of the venue's clock, from the best quotes of a recording."""
    times, mids = [], []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        if b"bookTicker" in line[:80]:
            quote = msgspec.json.decode(line[line.find(b"{") :])["data"]
            times.append(quote["T"] * 1_000_000)
            mids.append(float(quote["b"]) + float(quote["a"]))
    ends = np.arange(times[0] // window_ns + 1, times[-1] // window_ns) * window_ns
    return np.diff(np.log(np.array(mids)[np.searchsorted(times, ends) - 1])) * 1e4


def test_filter_scores_better_than_its_baselines_on_recorded_futures(trader_data: Path) -> None:
    returns = recorded_returns(trader_data / "binance/usdm_btcusdt_20240808.gz", 150_000_000)
    half_tick_bps, fit = 0.05 / 61_800 * 1e4, len(returns) // 3
    told = {"tick": half_tick_bps, "zero_half_life": 133.0}
    settings = {"prior": PRIOR, "noise": "student", "zeros": "inactive", **told}
    found = ParticleFilter(**settings).filter(returns)
    score = found.log_likelihoods[fit:].mean()
    pit = found.pit[fit:][np.isfinite(found.pit[fit:])]

    assert (returns == 0).mean() > 0.8
    for baseline in (ewma, garch):
        assert score > baseline(returns, fit=fit, inactive=True, **told).log_scores[fit:].mean() + 0.05
        assert score > baseline(returns, fit=fit, tick=half_tick_bps).log_scores[fit:].mean() + 1
    assert np.abs(np.histogram(pit, 5, (0, 1))[0] / len(pit) - 0.2).max() < 0.07

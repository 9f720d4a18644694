"""Deliberate bugs in a copy of the volatility filters: the checks must notice, or they check nothing."""

from collections.abc import Iterable

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

PATH = "path_agrees_with_the_exact_filter"

_START = "sigma * sigma / (F(1.0) - phi * phi)"
_STALE = "= values, squares, numbers\n    return"
_NEXT = "phi * phi * block.variance[i] + sigma * sigma"
_SUMS = "    filter_.sums[0] = count\n"

# fmt: off
QUICK = [("kernel_moves.py", _START, "sigma * sigma", PATH)]
SLOW = [
    ("observations.py", _STALE, "= values, np.roll(squares, 1), numbers\n    return", PATH),
    ("settings.py", '["sigma"] = mu, phi, sigma', '["sigma"] = mu, phi, math.sqrt(sigma)', PATH),
    ("settings.py", '["sigma"] = mu, phi, sigma', '["sigma"] = mu, phi, sigma**2', PATH),
    ("settings.py", '["sigma"] = mu, phi, sigma', '["sigma"] = mu, phi, 1.05 * sigma', PATH),
    ("settings.py", '["sigma"] = mu, phi, sigma', '["sigma"] = mu, phi + 0.002, sigma', PATH),
    ("rao_blackwell.py", _NEXT, "phi * block.variance[i] + sigma * sigma", PATH),
    ("kernel_moves.py", "noise = F(math.sqrt(1.0 - shrink * shrink))", "noise = F(0.0)", "moved_particles_differ"),
    ("kernel_moves.py", "    filter_.information *= kept\n", "", "forgetting_follows"),
    ("resampling.py", _SUMS, "", "weights_stay_together"),
]
# fmt: on


def judged(file: str, old: str, new: str, checks: Iterable[str]) -> int:
    """What the checks say of trader with this change in trader/volatility."""
    others = [*(ROOT / "shm").glob("*.py"), *(ROOT / "tests/trader").glob("*volatility*.py")]
    folder = copy_of("trader", file and f"volatility/{file}", old, new, others=others)
    return verdict(folder, "trader", "tests.trader.volatility_checks", checks, wait_s=600)


@pytest.mark.slow
def test_a_faithful_copy_passes() -> None:
    assert judged("", "", "", sorted({row[3] for row in QUICK + SLOW})) == FINE


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
)
def test_a_deliberate_bug_is_noticed(file: str, old: str, new: str, check: str) -> None:
    assert_noticed(judged(file, old, new, [check]))

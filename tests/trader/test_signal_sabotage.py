"""Deliberate bugs in a copy of signals and tail risk: the checks must notice, or they check nothing."""

from collections.abc import Iterable

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

_SHRUNK = "permille = max(min(recommendation.size_permille, WHOLE), 0)"
_WIDENED = "permille = min(max(recommendation.spread_permille, WHOLE), SPREAD_MAX)"
_CANCELLED = "not spread > CANCELLED * state.count * state.peak"
_QUIET = "detector.event_ns - detector.loud_ns >= detector.hold_ns"
_RELEASED = "level = max(level, now.level * math.exp2(-elapsed_ns / state.release_ns))"
_RESUMED = " or state.loud_ns == RESUMED_NS"
_CLIPPED = "distance = min(max(distance, -CLIP * deviation), CLIP * deviation)"
_LOWERED = "state.log_threshold -= step * state.share"
_MEAN = "state.mean, state.mean_low = two_sum(mean, low + state.mean_low)"
_SAME = "found is not None and same(found[0], words)"
_TIGHT = "recommendations_only_tighten"

# fmt: off
QUICK = [
    ("signals/plane_cache.py", _SAME, "found is not None", "cache_compares_bytes"),
    ("tail_risk/recommendation.py", _SHRUNK, "permille = recommendation.size_permille", _TIGHT),
    ("tail_risk/amplitudes.py", " or pool.states[index].taken == 0", "", "pool_takes_back_once"),
]
SLOW = [
    ("signals/indicators.py", _CANCELLED, "False", "zscore_forgets_a_jump"),
    ("signals/exact_sums.py", "return total, low + (error + b)", "return total, low", "volatility_forgets_a_jump"),
    ("signals/scan.py", "if is_finite(carry):", "if count > 0:", "batch_mean_survives_a_missing_value"),
    ("signals/plane.py", "PIVOT_MIN = 1e-4", "PIVOT_MIN = 0.0", "signals_that_explain_each_other_leave_nothing"),
    ("signals/panic.py", _QUIET, "detector.confidence < detector.leave", "panic_holds_on"),
    ("signals/panic.py", "if detector.state == CALM or ", "if True or ", "a_panic_teaches_nothing"),
    ("tail_risk/recommendation.py", _WIDENED, "permille = recommendation.spread_permille", _TIGHT),
    ("tail_risk/assessment.py", "if value == value else 1.0", "if value == value else 0.0", "an_unknown_panic_is_one"),
    ("tail_risk/assessment.py", _RELEASED, "level = max(level, 0.0)", "alert_is_let_go_slowly"),
    ("tail_risk/whale.py", _CLIPPED, "distance = 1.0 * distance", "whales_do_not_become_usual"),
    ("tail_risk/assessment.py", _RESUMED, "", "a_successor_releases_slowly"),
    ("risk/advice.py", "if event_ns >= advised.event_ns:", "if event_ns >= 0:", "old_advice_only_tightens"),
    ("tail_risk/tail.py", _LOWERED, _LOWERED + " * 0.5", "tail_index_is_paretos"),
    ("tail_risk/moments.py", _MEAN, "state.mean, state.mean_low = two_sum(mean, 0.0)", "moments_keep_an_offset"),
]
# fmt: on


def judged(file: str, old: str, new: str, checks: Iterable[str]) -> int:
    """What the checks say of trader with this change."""
    others = [*(ROOT / "shm").glob("*.py"), ROOT / "tests/trader/signal_checks.py"]
    folder = copy_of("trader", file, old, new, others=others)
    return verdict(folder, "trader", "tests.trader.signal_checks", checks, wait_s=200)


@pytest.mark.slow
def test_a_faithful_copy_passes() -> None:
    assert judged("", "", "", sorted({row[3] for row in QUICK + SLOW})) == FINE


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
)
def test_a_deliberate_bug_is_noticed(file: str, old: str, new: str, check: str) -> None:
    assert_noticed(judged(file, old, new, [check]))

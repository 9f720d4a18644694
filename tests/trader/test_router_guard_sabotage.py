"""Deliberate bugs in a copy of the router's guards: the models must notice, or they check nothing."""

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

CHECKS = ("breaker_agrees", "bucket_agrees", "batch_agrees")
_PROBES = "breaker.state != BreakerState.HALF_OPEN or breaker.probes == breaker.probes_max"
_FULL = "max(bucket.full_ns, now_ns) + bucket.interval_ns"

# fmt: off
QUICK = [
    ("router/breaker.py", _PROBES, "breaker.state != BreakerState.HALF_OPEN", "breaker_agrees"),
    ("pacing.py", "bucket.depth_ns - reserve_ns", "bucket.depth_ns", "bucket_agrees"),
]
SLOW = [
    ("router/breaker.py", "if now_ns >= first_ns:", "if now_ns < 0:", "breaker_agrees"),
    ("router/breaker.py", "now_ns - breaker.opened_ns >= breaker.open_ns", "now_ns >= breaker.opened_ns",
     "breaker_agrees"),
    ("pacing.py", _FULL, "bucket.full_ns + bucket.interval_ns", "bucket_agrees"),
    ("pacing.py", "if now_ns < pacer.held_until_ns:", "if now_ns < 0:", "bucket_agrees"),
    ("router/batching.py", "batch.count >= batch.size_max or ", "", "batch_agrees"),
    ("router/batching.py", "batch.key[place & _MASK] = _GONE", "batch.withdrawn += 0", "batch_agrees"),
]
# fmt: on


def judged(file: str, old: str, new: str, checks: tuple[str, ...]) -> int:
    """What the models say of the router's guards with this change, made in a file of `trader`."""
    others = [*(ROOT / "shm").glob("*.py"), ROOT / "tests/trader/test_router_guards.py"]
    folder = copy_of("trader", file, old, new, others=others)
    return verdict(folder, "trader", "tests.trader.test_router_guards", checks, wait_s=200)


@pytest.mark.slow
def test_a_faithful_copy_passes() -> None:
    assert judged("", "", "", CHECKS) == FINE


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
)
def test_a_deliberate_bug_is_noticed(file: str, old: str, new: str, check: str) -> None:
    assert_noticed(judged(file, old, new, (check,)))

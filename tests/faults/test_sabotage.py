"""Every guard of orders, risk and router taken out: a fault schedule notices, within a thousand of them."""

import subprocess
import sys

import pytest

from tests.faults.sabotage import BUGS, NOTICED, ROOT, buggy_text

QUICK = ("stale gate off",)
PATIENCE_S = 800


@pytest.mark.parametrize("name", BUGS)
def test_every_guard_is_where_its_bug_says(name: str) -> None:
    compile(buggy_text(BUGS[name]), BUGS[name].module, "exec")


@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in BUGS])
def test_a_guard_taken_out_is_noticed(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.sabotage", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == NOTICED, f"nothing noticed it\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}"
    assert "replay:" in done.stdout, done.stderr[-2_000:]

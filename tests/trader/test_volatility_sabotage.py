"""Deliberate bugs in a copy of the volatility filters: the checks must notice, or they check nothing."""

import hashlib
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from shm.kernel import cache_root
from tests.shm.processes import CRASHED, Child

ROOT = Path(__file__).resolve().parents[2]
FINE, NOTICED = 0, 1
PATH = "path_agrees_with_the_exact_filter"

_START = "sigma * sigma / (F(1.0) - phi * phi)"
_STALE = "= values, squares, numbers\n    return"
_NEXT = "phi * phi * block.variance[i] + sigma * sigma"
_SUMS = "    filter_.sums[0] = count\n"

# fmt: off
QUICK = [("kernel_moves.py", _START, "sigma * sigma", PATH)]
SLOW = [
    ("particle_filter.py", _STALE, "= values, np.roll(squares, 1), numbers\n    return", PATH),
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


def copy_of_trader(file: str, old: str, new: str) -> Path:
    """A folder with a copy of trader in which one text is another; kept in the user's cache, so compiled only once."""
    sources = {path.relative_to(ROOT): path.read_text() for path in sorted((ROOT / "trader").rglob("*.py"))}
    if file:
        patched = Path("trader/volatility") / file
        assert sources[patched].count(old) == 1, f"{file} no longer has, once: {old}"
        sources[patched] = sources[patched].replace(old, new)
    parts = (ROOT / "shm").glob("*.py"), (ROOT / "tests/trader").glob("*volatility*.py")
    others = "".join(path.read_text() for part in parts for path in sorted(part))
    digest = hashlib.blake2b((repr(sources) + others).encode(), digest_size=10).hexdigest()
    kind = cache_root() / "sabotage" / hashlib.blake2b(f"v{file}{old}{new}".encode(), digest_size=6).hexdigest()
    folder = kind / digest
    if not folder.is_dir():
        shutil.rmtree(kind, ignore_errors=True)
        kind.mkdir(parents=True)
        made = Path(tempfile.mkdtemp(dir=kind))
        for path, text in sources.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text)
        made.rename(folder)
    return folder


def verdict(folder: Path, *checks: str) -> int:
    """Run checks against a copy of trader in a process of its own."""

    def run() -> int:
        os.environ["TRADER_CACHE_DIR"] = str(folder / "cache")
        for name in list(sys.modules):
            if name.partition(".")[0] in ("shm", "trader", "procs") or name.startswith("tests.trader"):
                del sys.modules[name]
        sys.path[:0] = [str(folder), str(ROOT)]
        importlib.invalidate_caches()
        against = importlib.import_module("tests.trader.volatility_checks")
        assert Path(importlib.import_module("trader").__file__ or "").parent.parent == folder
        try:
            for check in checks:
                getattr(against, check)()
        except AssertionError:
            return NOTICED
        return FINE

    return Child(run).wait(200)


@pytest.mark.slow
def test_a_faithful_copy_passes() -> None:
    assert verdict(copy_of_trader("", "", ""), *sorted({row[3] for row in QUICK + SLOW})) == FINE


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
)
def test_a_deliberate_bug_is_noticed(file: str, old: str, new: str, check: str) -> None:
    found = verdict(copy_of_trader(file, old, new), check)

    assert found != FINE, "nothing noticed it"
    assert found != CRASHED, "the check itself failed to run"
    assert found == NOTICED

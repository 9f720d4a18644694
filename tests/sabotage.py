"""Deliberate bugs: a package is copied with one text changed, and checks run on the copy in their own process."""

import faulthandler
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from shm.kernel import cache_root
from tests.shm.processes import CRASHED, Child

ROOT = Path(__file__).resolve().parents[1]
FINE, NOTICED, SKIPPED = 0, 1, 2


def copy_of(package: str, file: str, old: str, new: str, *, others: Iterable[Path]) -> Path:
    """A folder with a copy of a package in whose `file` ("": in none) one text is another.

    Kept in the user's cache, so that it is compiled only once, until the package or one of the `others` changes.
    """
    sources = {path.relative_to(ROOT): path.read_text() for path in sorted((ROOT / package).rglob("*.py"))}
    if file:
        changed = Path(package) / file
        assert sources[changed].count(old) == 1, f"{file} no longer has, once: {old}"
        sources[changed] = sources[changed].replace(old, new)
    said = repr(sources) + "".join(path.read_text() for path in sorted(others))
    kind = cache_root() / "sabotage" / _digest(f"{package}/{file}{old}{new}", 6)
    folder = kind / _digest(said, 10)
    if not folder.is_dir():
        shutil.rmtree(kind, ignore_errors=True)
        kind.mkdir(parents=True)
        made = Path(tempfile.mkdtemp(dir=kind))
        for path, text in sources.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text)
        made.rename(folder)
    return folder


def _digest(text: str, digest_bytes: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=digest_bytes).hexdigest()


def verdict(folder: Path, package: str, against: str, checks: Iterable[str], *, wait_s: float) -> int:
    """Run checks of the module `against` on a copy: FINE, NOTICED, or minus the signal that their process died of.

    Skips the test where a check says that this host cannot have it.
    """

    def run() -> int:
        os.environ["TRADER_CACHE_DIR"] = str(folder / "cache")
        for name in list(sys.modules):
            if name.partition(".")[0] in ("shm", "trader", "procs") or name.startswith(("tests.shm", "tests.trader")):
                del sys.modules[name]
        sys.path[:0] = [str(folder), str(ROOT)]
        importlib.invalidate_caches()
        module = importlib.import_module(against)
        assert Path(importlib.import_module(package).__file__ or "").parent.parent == folder
        faulthandler.disable()  # some are to crash
        try:
            for check in checks:
                getattr(module, check)()
        except AssertionError:
            return NOTICED
        except pytest.skip.Exception:
            return SKIPPED
        return FINE

    found = Child(run).wait(wait_s)
    if found == SKIPPED:
        pytest.skip("this host cannot run the check")
    return found


def assert_noticed(found: int) -> None:
    """A bug is noticed when a check fails, or its process dies; not when the check itself cannot run."""
    assert found != FINE, "nothing noticed it"
    assert found != CRASHED, "the check itself failed to run"
    assert found == NOTICED or found < 0

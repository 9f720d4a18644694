"""The compile policy: what changes recompiles, what does not is loaded, and what nobody uses goes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shm import kernel as policy
from shm.kernel import STEP_SIGNATURE, cache_root, prune_cache, sources_hash, step
from shm.memory import call_entry
from tests.shm.processes import Child
from trader.compile_hints import never_inlined

ROOT = Path(__file__).resolve().parents[2]


@step
def weighted(state, ports, type_, frame, now_ns):
    """Five arguments, one answer."""
    return state + 10 * ports + 100 * type_ + 1000 * frame - now_ns


@policy.kernel
def through_address(entry, first):
    """Call an entry point as the duty cycle does."""
    return call_entry(entry, first, 2, 3, 4, 5)


@policy.kernel
def _divided(first, second):
    """A call that stays one."""
    never_inlined()
    return first // second


@step
def halved(state, ports, type_, frame, now_ns):
    """Calls a part."""
    return _divided(state, ports) + _divided(type_, frame)


def write_modules(folder: Path, answer: int, unrelated: str = "1") -> None:
    """A kernel, what it imports in two ways, and something that it does not import."""
    (folder / "depth.py").write_text(f"from shm.kernel import kernel\n@kernel\ndef answer():\n    return {answer}\n")
    (folder / "middle.py").write_text(
        "from shm import (  # both ways\n    depth,\n    kernel,\n)\nanswer = depth.answer\n"
    )
    (folder / "top.py").write_text(
        "from shm.kernel import kernel\nfrom shm.middle import answer\n@kernel\ndef ask():\n    return answer() + 1\n"
    )
    (folder / "aside.py").write_text(f"value = {unrelated}\n")


def in_child(folder: Path, code: str) -> int:
    """Run Python with `shm` reaching into a folder and a cache of its own; its exit code."""
    prefix = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import shm; shm.__path__.append({str(folder)!r}); "
    environment = {**os.environ, "TRADER_CACHE_DIR": str(folder / "cache")}
    return subprocess.run([sys.executable, "-c", prefix + code], env=environment, cwd=folder).returncode


def test_a_change_anywhere_below_a_kernel_reaches_it_and_an_unchanged_one_is_loaded(tmp_path: Path) -> None:
    run = "from shm.top import ask; answer = ask(); hits = sum(ask.python_twin.stats.cache_hits.values());"
    write_modules(tmp_path, 41)
    assert in_child(tmp_path, run + "sys.exit(0 if (answer, hits) == (42, 0) else 1)") == 0
    write_modules(tmp_path, 41, unrelated="2")
    assert in_child(tmp_path, run + "sys.exit(0 if (answer, hits) == (42, 1) else 1)") == 0
    write_modules(tmp_path, 1)
    assert in_child(tmp_path, run + "sys.exit(0 if (answer, hits) == (2, 0) else 1)") == 0


def test_a_hash_covers_a_module_and_all_that_it_reaches_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shm

    def hash_now() -> str:
        for function in (policy._path, policy._source, policy._imports):
            function.cache_clear()
        return sources_hash("shm.top")

    monkeypatch.setattr(shm, "__path__", [*shm.__path__, str(tmp_path)])
    write_modules(tmp_path, 41)
    first = hash_now()
    write_modules(tmp_path, 41, unrelated="2")
    assert hash_now() == first
    write_modules(tmp_path, 42)
    assert hash_now() != first
    for function in (policy._path, policy._source, policy._imports):
        function.cache_clear()


def test_a_hash_covers_all_that_an_import_brings_from_packages_of_any_kind() -> None:
    code = (
        "import sys; from shm.kernel import _reached, PACKAGES; reached = _reached('procs.stages.risk');"
        "import procs.stages.risk; brought = {name for name, module in sys.modules.items()"
        " if name.split('.')[0] in PACKAGES and not hasattr(module, '__path__')};"
        "sys.exit(len(brought) < 40 or bool(brought - reached))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_folders_that_nothing_used_for_a_month_are_pruned_and_a_used_one_is_not(tmp_path: Path) -> None:
    def child() -> int:
        os.environ["TRADER_CACHE_DIR"] = str(tmp_path)
        assert cache_root() == tmp_path
        for name, age_days in (("old", 31), ("young", 29), ("used", 31)):
            (tmp_path / name / "bare").mkdir(parents=True)
            os.utime(tmp_path / name, (time.time() - age_days * 86_400,) * 2)
        policy._hash_of = lambda module: "used"
        policy._enter_cache("shm.ring")
        assert prune_cache() == 1
        return sorted(path.name for path in tmp_path.iterdir()) != ["used", "young"]

    assert Child(child).wait() == 0


def test_a_step_is_called_alike_from_python_and_by_its_address() -> None:
    assert weighted(1, 2, 3, 4, 5) == 1 + 20 + 300 + 4000 - 5
    assert through_address(weighted.address, 1) == weighted(1, 2, 3, 4, 5)
    assert weighted.signature is STEP_SIGNATURE
    assert weighted.__doc__ == "Five arguments, one answer."


def test_of_a_step_only_its_entry_can_be_called_and_its_parts_have_no_status(tmp_path: Path) -> None:
    def child() -> int:
        os.environ["TRADER_CACHE_DIR"] = str(tmp_path)  # a step from the cache has no code to read
        library = halved.compiled._library
        own = [function for function in library.get_defined_functions() if function.linkage.name == "external"]
        text = library.get_llvm_str()
        calls = [line for line in text.splitlines() if " call " in line and "divided" in line]
        called = {line.split(" @")[0].split()[-1] for line in calls}
        zeroed = "store i64 0" in text
        return (halved(9, 2, 8, 4, 0), len(own), called, zeroed) != (6, 1, {"void"}, False)

    assert Child(child).wait() == 0

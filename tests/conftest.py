"""What holds for every test: a seed, one thread, no leftovers in /dev/shm, no child left, and the recorded data."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED_MEMORY = Path("/dev/shm")
SEED = 20_240_808
CHILDREN_GRACE_S = 2.0

# The first example compiles kernels, and a shared host stalls: neither says anything of the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("house")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile the stages once, on both cores and with a progress bar, before a test waits for them alone."""
    folders = {
        item.path.relative_to(ROOT / "tests").parts[0] for item in session.items if item.path.is_relative_to(ROOT)
    }
    if folders & {"faults", "procs", "system"} and not session.config.option.collectonly:
        subprocess.run([sys.executable, "-m", "procs.kernels"], check=True, cwd=ROOT)


def segments() -> set[str]:
    """Names of our segments in /dev/shm."""
    return {path.name for path in SHARED_MEMORY.glob("trader-*")}


def own_segments(names: set[str]) -> set[str]:
    """Those that this process or one of its children made, living or dead: another run's are none of our business.

    A name begins `trader-<pid>.<start time>.`; a pid that lives and is not ours belongs to a neighbour.
    """
    ours = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    pids = {name: int(pid) for name in names if (pid := name.removeprefix("trader-").partition(".")[0]).isdigit()}
    return {name for name in names if name not in pids or pids[name] in ours or not psutil.pid_exists(pids[name])}


def children() -> list[psutil.Process]:
    """Living children of this process; multiprocessing's resource tracker and fork server stay on purpose."""
    found: list[psutil.Process] = []
    if not any(path.read_text() for path in Path("/proc/self/task").glob("*/children")):
        return found  # the usual case, without a walk over every process of the host
    for child in psutil.Process().children(recursive=True):
        try:
            line = " ".join(child.cmdline())
            if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in line and "forkserver" not in line:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """Fail the test that leaves a segment in /dev/shm or a child process behind."""
    random.seed(SEED)
    np.random.seed(SEED)
    before, running = segments(), {child.pid for child in children()}
    yield
    deadline_s = time.monotonic() + CHILDREN_GRACE_S
    left = [child for child in children() if child.pid not in running]
    while left and time.monotonic() < deadline_s:
        time.sleep(0.02)
        left = [child for child in children() if child.pid not in running]
    names = [f"{child.pid} {' '.join(child.cmdline())[:80]}" for child in left if child.is_running()]
    for child in left:
        child.kill()
    leaked = sorted(own_segments(segments() - before))
    for name in leaked:
        (SHARED_MEMORY / name).unlink(missing_ok=True)
    assert not names, f"child processes left behind: {names}"
    assert not leaked, f"segments left in {SHARED_MEMORY}: {leaked}"


@pytest.fixture(scope="session")
def trader_data() -> Path:
    """The folder of recorded market data: TRADER_DATA, else `../shared/data`; skips where it is absent."""
    folder = Path(os.environ.get("TRADER_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recorded data: TRADER_DATA is not set and {folder} does not exist")
    return folder

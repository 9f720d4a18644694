"""Transport row `idle_cpu`: what the whole system takes of one core while its sockets are open and nothing happens.

A real run, all processes, the simulated exchange included, with its background orders paused: the supervisor, the
collector of the log and every stage beat their hearts and wait.
"""

import functools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from bench.cores import on_all_cores
from bench.harness import Bench
from bench.results import TIME, Result, times

CONFIG = "[exchange]\nflow_paused = true\n"
STAGE_TITLE = "trader: "
STAGES_MIN = 7
START_S = 60.0
QUIET = "every stage was there from the first look to the last"


def idle_cpu(bench: Bench) -> None:
    """CPU nanoseconds a second of wall time; 10 ms is one per cent of a core."""
    seconds = bench.size(8, 1)
    bench.row(
        "idle_cpu",
        unit=TIME,
        target=10e6,
        ours=functools.partial(resting_system, seconds),
        answer=QUIET,
        repeats=1,
        warms_up=False,
    )


def resting_system(seconds: int) -> Result:
    """Start a run, wait until it rests, and add up what its processes take. Kernels are compiled before."""
    subprocess.run([sys.executable, "-m", "procs.kernels"], capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder, on_all_cores():
        config = Path(folder) / "idle.toml"
        config.write_text(CONFIG)
        command = [sys.executable, "-m", "procs.cli", "run", "--config", str(config), "--out", f"{folder}/run"]
        command += ["--duration", f"{seconds + 12}s"]
        said = Path(folder) / "said"
        with said.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as run:
            try:
                before = _when_quoting(run.pid)
                started_ns = time.monotonic_ns()
                time.sleep(seconds)
                after = _taken_ns(run.pid)
                elapsed_ns = time.monotonic_ns() - started_ns
            except (RuntimeError, psutil.Error) as problem:
                raise RuntimeError(f"{problem}; it said: {said.read_text()[-500:]}") from None
            finally:
                run.terminate()
    taken = sum(after.get(pid, 0) - ns for pid, ns in before.items())
    return times(np.array([1e9 * taken / elapsed_ns]), QUIET if set(after) == set(before) else "a process was gone")


def _when_quoting(pid: int) -> dict[int, int]:
    """CPU of each process once all stages are there and the start is over."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        titles = [" ".join(child.cmdline()) for child in psutil.Process(pid).children(recursive=True)]
        if sum(title.startswith(STAGE_TITLE) for title in titles) >= STAGES_MIN:
            time.sleep(2)
            return _taken_ns(pid)
        time.sleep(0.1)
    raise RuntimeError(f"the system did not start within {START_S:g} s")


def _taken_ns(pid: int) -> dict[int, int]:
    """CPU nanoseconds of a process and all that it started, every thread of each."""
    found = {}
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        tasks = Path(f"/proc/{each.pid}/task").glob("*/schedstat")
        found[each.pid] = sum(int(task.read_text().split()[0]) for task in tasks)
    return found

"""Says what this host offers to a run, and what would make it faster: `make doctor`.

Exit code 1 when something is missing without which nothing runs.
"""

import os
import resource
import shutil
import sys
from pathlib import Path

from bench.host import host_facts
from procs.affinity import available_cores, plan_cores, sibling_warnings, spans
from shm.clock import counter_is_invariant
from shm.segment import is_alive, runs

SHARED_MEMORY = Path("/dev/shm")
SHARED_BYTES_MIN = 256 << 20
FILES_MIN = 256


def main() -> int:
    """Print one line a finding; return the exit code."""
    facts = host_facts(smoke=True)
    cores = available_cores()
    plan = plan_cores({}, cores)
    print(f"cpu       {facts['cpu']}, governor {facts['governor']}, load {facts['load'][0]}")
    print(f"python    {facts['python']}, numba {facts['numba']}, numpy {facts['numpy']}, Linux {facts['kernel']}")
    print(f"cores     {spans(cores)} of {facts['cores_of_host']}; {facts['core_to_core_ns']} ns from one to another")
    print(f"plan      {', '.join(f'{place}={core}' for place, core in plan.items())}")
    clock = "the time-stamp counter" if counter_is_invariant() else "the kernel (no invariant counter: 30 ns a stamp)"
    print(f"clock     {clock}")
    missing = []
    free_bytes = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
    print(f"memory    {free_bytes >> 20} MiB free in {SHARED_MEMORY}")
    if free_bytes < SHARED_BYTES_MIN:
        missing.append(f"{SHARED_MEMORY}: found {free_bytes >> 20} MiB, needed {SHARED_BYTES_MIN >> 20} (--shm-size)")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files < FILES_MIN:
        missing.append(f"open files: found a limit of {files}, needed {FILES_MIN} (ulimit -n)")
    if not hasattr(os, "pidfd_open"):
        missing.append("pidfd_open: found none, needed Linux 5.3")
    advice = sibling_warnings(plan)
    if len(cores) < 6:
        advice.append("fewer than 6 cores: stages share cores and sleep between messages; --placement fused is faster")
    if facts["governor"] not in ("performance", "none"):
        advice.append(f"governor {facts['governor']}: 'performance' keeps the cores awake")
    dead = [run for run in runs() if not is_alive(run)]
    if dead:
        advice.append(f"{len(dead)} dead run(s) left memory in {SHARED_MEMORY}: the next run sweeps it")
    for line in advice:
        print(f"advice    {line}")
    for line in missing:
        print(f"MISSING   {line}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

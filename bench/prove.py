"""Proof of what the figures rest on: vector instructions, no allocation, and what the stages ask of the kernel.

    vectors       packed arithmetic in the machine code of the hot kernels, compiled afresh (cached code can't be read)
    allocations   numba's own counters and the resident set over a million events through every stage in one process
    stages        page faults, context switches and CPU of each process of a run, from its first orders to its end

Each is a process of its own, so that counters start at nothing: `python -m bench.prove_vectors`, `bench.prove_memory`;
the run is the main job.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil

from bench.suite_pipeline import recording_path

RUN_S = {False: 20, True: 3}
RESIDENT_BYTES_MAX = 1 << 20
"""Growth of the resident set over a million events that is taken for the interpreter's own."""

CPU_SHARE_MAX = 0.5
"""Of the whole machine, at the recorded market's pace: the source's bound."""


class Proof(NamedTuple):
    """One line: what was looked at, what was found, and whether it holds; None where it is only stated."""

    claim: str
    found: str
    holds: bool | None


def prove(*, smoke: bool) -> list[Proof]:
    """All proofs. Raises RuntimeError when a part of them could not be run."""
    return [*_vectors(), *_memory(smoke=smoke), *_stages(RUN_S[smoke], smoke=smoke)]


def _told(module: str, *arguments: str, **environment: str) -> Any:
    """The JSON that a module of ours prints last."""
    command = [sys.executable, "-m", module, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if told.returncode:
        raise RuntimeError(f"{module} ended with {told.returncode}: {told.stderr.strip()[-300:]}")
    return msgspec.json.decode(told.stdout.strip().splitlines()[-1])


def _vectors() -> list[Proof]:
    with tempfile.TemporaryDirectory() as cache:
        found = _told("bench.prove_vectors", TRADER_CACHE_DIR=cache)
    return [
        Proof(
            f"vector instructions in {name}",
            f"{row['packed']:,} packed of {row['arithmetic']:,} arithmetic, up to {row['bits']} bits",
            row["packed"] * 3 >= row["arithmetic"] and row["bits"] >= 256,
        )
        for name, row in found.items()
    ]


def _memory(*, smoke: bool) -> list[Proof]:
    if not recording_path().exists():
        return [Proof("allocations", f"not measured: {recording_path()} not found (TRADER_DATA)", False)]
    found = _told("bench.prove_memory", "smoke" if smoke else "full", NUMBA_NRT_STATS="1")
    events, grown = found["events"], found["resident_bytes"]
    return [
        Proof(
            "allocations on the hot path",
            f"{found['allocations']} in {events:,} messages (the counter saw {found['control']} of 1 made on purpose)",
            found["allocations"] == 0 and found["control"] == 1,
        ),
        Proof("resident set over them", f"{grown / 1024:+,.0f} KiB", None if smoke else grown <= RESIDENT_BYTES_MAX),
    ]


def _stages(seconds: int, *, smoke: bool) -> list[Proof]:
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--duration", f"{seconds}s", "--out", f"{folder}/run"]
        command = [sys.executable, "-m", "procs.cli", "run", *flags]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            first, last, span_s = _watch(run)
        if run.returncode:
            raise RuntimeError(f"trader run {' '.join(flags[:2])} ended with {run.returncode}")
    proofs = [
        Proof(
            f"process {name}",
            f"{_per_s(first[name], row, 'faults', span_s)} page faults/s,"
            f" {_per_s(first[name], row, 'switches', span_s)} context switches/s, {_cpu(first[name], row, span_s):.1%}"
            " of a core",
            None,
        )
        for name, row in last.items()
        if name in first
    ]
    share = sum(_cpu(first[name], row, span_s) for name, row in last.items() if name in first) / (os.cpu_count() or 1)
    proofs.append(
        Proof("CPU of all processes", f"{share:.1%} of the machine", None if smoke else share < CPU_SHARE_MAX)
    )
    return proofs


def _watch(run: "subprocess.Popen[str]") -> tuple[dict[str, Any], dict[str, Any], float]:
    """Counters of every process of a run, first after a second of trading, last before its end, and seconds between."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    began = seen = 0.0
    while run.poll() is None:
        now = _counters(Path("/proc"), run.pid)
        if not first and _is_trading(now):
            time.sleep(1)
            first, began = _counters(Path("/proc"), run.pid), time.monotonic()
        elif first and len(now) >= len(first):
            last, seen = now, time.monotonic()
        time.sleep(0.1)
    if not last:
        raise RuntimeError("trader run ended before its processes could be looked at")
    return first, last, seen - began


def _is_trading(processes: Mapping[str, Any]) -> bool:
    return "feed" in processes


def _counters(proc: Path, pid: int) -> dict[str, Any]:
    """Page faults, context switches and CPU seconds of each process of ours below `pid`, by what it is called."""
    found = {}
    for child in psutil.Process(pid).children(recursive=True):
        try:
            title = " ".join(child.cmdline())
            fields = (proc / str(child.pid) / "stat").read_text().rpartition(")")[2].split()
            switches, times = child.num_ctx_switches(), child.cpu_times()
        except (psutil.Error, OSError):
            continue
        if title.startswith("trader: "):
            found[title.removeprefix("trader: ").split()[0]] = {
                "faults": int(fields[7]) + int(fields[9]),
                "switches": switches.voluntary + switches.involuntary,
                "cpu_s": times.user + times.system,
            }
    return found


def _per_s(before: Mapping[str, Any], after: Mapping[str, Any], key: str, span_s: float) -> str:
    return f"{(after[key] - before[key]) / span_s:,.0f}"


def _cpu(before: Mapping[str, Any], after: Mapping[str, Any], span_s: float) -> float:
    share: float = (after["cpu_s"] - before["cpu_s"]) / span_s
    return share


def print_proofs(proofs: list[Proof]) -> None:
    """Print one line a proof."""
    print()
    for claim, found, holds in proofs:
        print(f"{claim:48}{'      ' if holds is None else 'holds ' if holds else 'FAILS '}{found}")

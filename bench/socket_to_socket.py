"""Rows of the orders suite: a depth frame in to its order frame out, over loopback sockets, beside a bare echo.

The echo is picows and nothing else: frames of the same sizes, in the same loop, in turn with ours (bench.socket_run).
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

import numpy as np

from bench.cores import on_all_cores
from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.suite_pipeline import recording_path

ROOT = Path(__file__).resolve().parent.parent
ECHO = "picows echo"
AT_MOST = 1.5
"""Times the echo that ours may take where it polls."""

ANSWERED = "every order is accounted for"
TIMEOUT_S = 240.0


def socket_rows(bench: Bench) -> None:
    """Fused and polling, which is held to the echo; one process a stage, which waits in the kernel, is only told."""
    if not recording_path().exists():
        print(f"orders: absent: {recording_path()} not found (TRADER_DATA names the folder)")
        return
    for name, placement, depths, at_least in (
        ("socket_to_socket", "fused", 1_000, {ECHO: 1 / AT_MOST}),
        ("socket_to_socket_processes", "process", 300, None),
    ):
        if bench.smoke and at_least is None:
            continue  # the same code; one of the two says whether it works
        both = Both(placement, bench.size(depths, 20), runs_once=bench.smoke)
        bench.row(
            name,
            unit=TIME,
            ours=functools.partial(both.next, "ours"),
            rivals={ECHO: functools.partial(both.next, "theirs")},
            at_least=at_least,
            answer=ANSWERED,
            repeats=2,
            warms_up=False,
        )


class Both:
    """Runs time both contestants at once; what was timed with one waits until the other is asked for.

    `runs_once`: one run serves every repetition.
    """

    def __init__(self, placement: str, depths: int, *, runs_once: bool) -> None:
        self._placement, self._depths, self._runs_once = placement, depths, runs_once
        self._waiting: dict[str, deque[Result]] = {"ours": deque(), "theirs": deque()}

    def next(self, who: str) -> Result:
        """A contestant's times that were not asked for yet."""
        if not self._waiting[who]:
            for each, result in self._run().items():
                self._waiting[each].append(result)
        return self._waiting[who][0] if self._runs_once else self._waiting[who].popleft()

    def _run(self) -> dict[str, Result]:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "run")
            command = [sys.executable, "-m", "bench.socket_run", self._placement, str(self._depths)]
            command += [str(recording_path()), str(out)]
            environment = os.environ | {"PYTHONPATH": str(ROOT), "TRADER_STATE_DIR": f"{folder}/state"}
            with on_all_cores():
                told = subprocess.run(
                    command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
                )
            if told.returncode:
                raise RuntimeError(f"bench.socket_run ended with {told.returncode}: {told.stderr[-500:]}")
            found = json.loads((out / "sockets.json").read_bytes())
            problems = json.loads(told.stdout.strip().splitlines()[-1])["problems"]
        answer = "; ".join(problems) or ANSWERED
        return {who: times(np.array(found[who]), answer) for who in ("ours", "theirs")}

"""Watches a running system from another process: finds it in /dev/shm, attaches, shows it; writes nothing there.

trader-<pid>.<start>.<letters>-...  ->  its supervisor lives?  ->  attach  ->  look twice a second until it ends
"""

import sys
import time

from procs.errors import OperatorError
from procs.live import LiveView
from procs.run_segments import RunSegments
from procs.snapshot import Taker
from shm.segment import SegmentError, is_alive, runs

REFRESH_S = 0.5


def running_systems() -> list[str]:
    """Names of the runs of this user whose supervisor lives, oldest first."""
    alive = [run for run in runs() if is_alive(run)]
    return sorted(alive, key=lambda run: int(run.split(".")[1]))


def chosen_run(wanted: str | None) -> str:
    """The run to watch: the only one, or the one whose name or supervisor's pid is `wanted`.

    Raises OperatorError that lists what runs.
    """
    alive = running_systems()
    if wanted is not None:
        matches = [run for run in alive if run == wanted or run.split(".")[0] == wanted]
        if not matches:
            raise OperatorError(f"--run: found '{wanted}', allowed {_listed(alive)}")
        return matches[0]
    if not alive:
        raise OperatorError("no system is running here: start one with 'trader run'")
    if len(alive) > 1:
        raise OperatorError(f"{len(alive)} systems are running: choose with --run, one of {_listed(alive)}")
    return alive[0]


def _listed(alive: list[str]) -> str:
    return ", ".join(alive) or "nothing, because no system is running here"


def watch(run: str | None = None, once: bool = False) -> None:
    """Show a running system until it ends or Ctrl-C; `once`: one look.

    Raises OperatorError when none runs, several do and none is named, or it is of another version.
    """
    name = chosen_run(run)
    try:
        segments = RunSegments.attach(name)
    except SegmentError as error:
        raise OperatorError(f"run {name} cannot be watched: {error}") from None
    try:
        taker = Taker(segments)
        with LiveView(screen=not once and sys.stdout.isatty()) as view:
            view.update(taker.take())
            while not once and is_alive(name):
                time.sleep(REFRESH_S)
                view.update(taker.take())
    except KeyboardInterrupt:
        return
    finally:
        segments.close()
    if not once:
        sys.stdout.write(f"run {name} has ended\n")

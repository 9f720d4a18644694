"""`trader kill` and `trader arm`: stop trading at once, and let it go on once a person has looked."""

import os
import signal
import sys
import time
from pathlib import Path

import click

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The runs' state folder.  [default: TRADER_STATE_DIR, else the user's]",
)
CONFIRMED_S = 3.0
POLL_S = 0.01


@click.command()
@click.option("--reason", default="", help="Why; it stands in the latch and in the acts.")
@click.option("--run", metavar="RUN", help="Only this run, by name or by its supervisor's pid.  [default: every run]")
@STATE_DIR
def kill(reason: str, run: str | None, state_dir: Path | None) -> None:
    """Press the kill switch: cancel every order and stop trading, within a second, whatever the strategy does.

    Works through the supervisor (SIGUSR1, and the file `kill` in the state folder), not through the strategy. It
    stays pressed: runs that start later quote nothing either, until `trader arm kill-switch`.

    Exit code 0 once no order is open any more, or when nothing runs and the switch is latched for the next run;
    1 if orders are still open after three seconds; 2 for what can be mended first.
    """
    from procs.monitor import chosen_run, running_systems
    from procs.state_dir import StateDir, default_state_dir

    found = [chosen_run(run)] if run is not None else running_systems()
    kept = StateDir(state_dir or default_state_dir())
    who = f"trader kill by uid {os.getuid()}" + (f": {reason}" if reason else "")
    if not found:
        kept.note("kill", "kill-switch", who)
        kept.latch("kill-switch", who)
        click.echo(f"no system is running here; latched in {kept.path}: the next run quotes nothing")
        return
    began_s = time.monotonic()
    kept.press_kill(who)
    for name in found:
        os.kill(int(name.split(".")[0]), signal.SIGUSR1)
    failed = [name for name in found if not _is_flat(name, began_s)]
    click.echo("latched: 'trader arm kill-switch' lets trading go on")
    sys.exit(1 if failed else 0)


def _is_flat(name: str, began_s: float) -> bool:
    """Wait until risk has halted and no order of a run is open; say so."""
    from procs.readings import orders_of, record_of
    from procs.run_segments import RunSegments
    from shm.segment import SegmentError
    from trader.enums import TradingState

    try:
        segments = RunSegments.attach(name)
    except SegmentError as error:
        click.echo(f"run {name}: {error}", err=True)
        return False
    try:
        while time.monotonic() < began_s + CONFIRMED_S:
            halted = int(record_of(segments, "risk", "RISK")["trading"]) == TradingState.HALTED
            if halted and orders_of(segments).open == 0:
                click.echo(f"run {name}: halted, no order open, after {1e3 * (time.monotonic() - began_s):.0f} ms")
                return True
            time.sleep(POLL_S)
        click.echo(f"run {name}: {orders_of(segments).open} orders open after {CONFIRMED_S:g} s", err=True)
        return False
    finally:
        segments.close()


@click.command()
@click.argument("name", required=False)
@click.option("--yes", metavar="NAME", help="Confirm by giving the latch's name again, instead of typing it.")
@STATE_DIR
def arm(name: str | None, yes: str | None, state_dir: Path | None) -> None:
    """Take the latch NAME off: trading may go on. Without NAME: list the latches that are set, and why.

    A run that is halted by it trades again at once, unless another latch is set. The name has to be typed again;
    who armed what, and when, stands in acts.jsonl of the state folder.

    Exit code 0 when it was taken off, or no latch is set; 1 when listing shows one; 2 when there is no such latch or
    the confirmation differs.
    """
    from procs.errors import OperatorError
    from procs.state_dir import StateDir, default_state_dir

    kept = StateDir(state_dir or default_state_dir())
    latches = kept.latches()
    if name is None:
        for latch, reason in latches.items():
            click.echo(f"{latch:<20} {reason}")
        if not latches:
            click.echo("no latch is set")
        sys.exit(1 if latches else 0)
    if name not in latches:
        raise OperatorError(f"latch '{name}': not set, set are: {', '.join(latches) or 'none'}")
    click.echo(f"{name}: {latches[name]}")
    typed = yes if yes is not None else click.prompt("type the latch's name to arm trading again", default="")
    if typed != name:
        raise OperatorError(f"confirmation: found '{typed}', allowed '{name}': nothing was changed")
    kept.take_off(name)
    click.echo(f"{name}: taken off")

"""`trader run`: the main job, from flags to exit code."""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from procs.errors import OperatorError

if TYPE_CHECKING:
    from procs.cli.progress import Loading

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--config", "config_file", type=FILE, help="TOML that overrides the profile; flags override both.")
@click.option("--profile", help="What to begin from: paper, or replay with a recording.  [default: by --replay]")
@click.option("--duration", metavar="SPAN", help="How long to trade, such as 30s, 500ms, 2m; 0s: until stopped.")
@click.option("--replay", type=FILE, help="Trade on this recording instead of the generated market.")
@click.option("--speed", metavar="N|max", help="How many times faster than recorded; max: as fast as it goes.")
@click.option("--core", "cores", multiple=True, metavar="STAGE=N", help="Pin a stage to a core; may be given again.")
@click.option("--placement", metavar="process|fused", help="A process for each stage, or feed to router in one.")
@click.option(
    "--wait", metavar="auto|spin|yield|futex", help="How an idle stage waits; auto: by whether it has a core."
)
@click.option(
    "--idle", metavar="auto|poll|halt", help="What a core does whose stages all sleep while the market moves."
)
@click.option("--strategy", type=FILE, help="A strategy file of your own (trader init writes one).")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for journal and result.  [default: new in runs/]")
@click.option("--json", "json_file", type=FILE, help="Write the result here as JSON.")
def run(
    config_file: Path | None,
    profile: str | None,
    duration: str | None,
    replay: Path | None,
    speed: str | None,
    cores: tuple[str, ...],
    placement: str | None,
    wait: str | None,
    idle: str | None,
    strategy: Path | None,
    out: Path | None,
    json_file: Path | None,
) -> None:
    """Trade: start the simulated exchange and the pipeline, show it live, stop in order, say how it went.

    Every stage is a process of its own on its own core as far as the host has them. With --replay the
    exchange serves a recording; with --placement fused --speed max as well, everything runs in one process
    on a virtual clock: that is the backtest.

    Exit code 0 only if position and open orders agree with the exchange's; 1 if they do not or a stage
    failed, which is then named; 2 for what can be mended first.
    """
    gc.disable()  # what is imported stays: looking for garbage among it takes a tenth of the start
    from procs.cli.flags import cores_of, speed_of, tree_of
    from procs.durations import parse_duration
    from procs.recorded_market import default_profile, with_recorded_market
    from procs.settings import load_config

    flags: dict[str, Any] = {
        "duration_s": None if duration is None else parse_duration(duration, key="--duration"),
        "replay": None if replay is None else str(replay),
        "speed": None if speed is None else speed_of(speed),
        "cores": cores_of(cores),
        "placement": placement,
        "wait": wait,
        "idle": idle,
        "strategy.file": None if strategy is None else str(strategy),
        "out_dir": None if out is None else str(out),
    }
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise OperatorError(f"--json: found no folder '{json_file.parent}', allowed a file in an existing one")
    config = load_config(config_file, tree_of(flags), profile=profile or default_profile(replay))
    sys.exit(trade(with_recorded_market(config), json_file))


def trade(config: Any, json_file: Path | None) -> int:
    """Run a checked configuration, show it, print and write the result; return the exit code."""
    import msgspec

    from procs.cli.progress import Loading

    if config.strategy.file:
        from procs.strategy_file import load_configured

        load_configured(config.strategy)  # a wrong strategy is refused before anything starts
    from procs.backtest_session import is_backtest, run_backtest_session
    from procs.summary import market_line, render
    from procs.watcher import Watcher

    loading = Loading()
    if config.units:
        click.echo(f"{config.replay}: {market_line(config.market)}; {', '.join(config.symbols)}")
    if is_backtest(config):
        playing = _Share(Loading("playing"))
        summary = run_backtest_session(config, Watcher(loading=loading.update, progress=playing.update))
    else:
        from procs.live import LiveView
        from procs.session import run_session

        gc.enable()
        with LiveView(config, config.duration_s) as view:
            summary = run_session(config, Watcher(loading=loading.update, snapshot=view.update))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    render(summary, config.budgets)
    return 0 if summary.ok else 1


class _Share:
    """Shows a share of the recording, each whole percent once."""

    def __init__(self, playing: "Loading") -> None:
        self._playing = playing
        self._percent = -1

    def update(self, share: float) -> None:
        """`share`: 0 to 1."""
        if int(100 * share) > self._percent:
            self._percent = int(100 * share)
            self._playing.update("the recording", self._percent, 100)

"""`trader profile`: where the time of a running system goes."""

import sys
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("stages", nargs=-1, metavar="[PROCESS]...")
@click.option("--config", "config_file", type=FILE, help="TOML that overrides the profile, as for trader run.")
@click.option("--duration", default="10s", show_default=True, metavar="SPAN", help="How long to trade.")
@click.option("--replay", type=FILE, help="Trade on this recording instead of the generated market.")
@click.option("--speed", metavar="N", help="How many times faster than recorded.")
@click.option("--placement", metavar="process|fused", help="A process for each stage, or feed to router in one.")
@click.option("--hz", default=1_000, show_default=True, help="Samples in a second of CPU time.")
@click.option("--json", "json_file", type=FILE, help="Write every sample count here as JSON.")
def profile(
    stages: tuple[str, ...],
    config_file: Path | None,
    duration: str,
    replay: Path | None,
    speed: str | None,
    placement: str | None,
    hz: int,
    json_file: Path | None,
) -> None:
    """Trade for a while and show where each PROCESS (default: all) spent its CPU time, down to the compiled kernel.

    A timer of the process's own CPU time interrupts it and a compiled handler notes where it was: neither perf nor
    any right is needed. Kernels that were merged into their callers count as these; time inside the operating
    system counts as the library that called it. Exit code as for trader run.
    """
    import tempfile

    import msgspec

    from procs.backtest_session import is_backtest
    from procs.cli.flags import speed_of, tree_of
    from procs.cli.run import trade
    from procs.durations import parse_duration
    from procs.errors import OperatorError
    from procs.placement import groups
    from procs.profile import read_profiles, render_profiles
    from procs.sampler import sample_processes
    from procs.settings import load_config

    flags: dict[str, Any] = {
        "duration_s": parse_duration(duration, key="--duration"),
        "replay": None if replay is None else str(replay),
        "speed": None if speed is None else speed_of(speed),
        "placement": placement,
    }
    config = load_config(config_file, tree_of(flags), profile="replay" if replay else "paper")
    if is_backtest(config):
        raise OperatorError("--speed: found max in the fused placement, allowed a number: a backtest has no processes")
    names = [group.name for group in groups(config.placement)]
    unknown = [stage for stage in stages if stage not in names]
    if unknown:
        raise OperatorError(*[f"'{name}': found no such process, allowed {', '.join(names)}" for name in unknown])
    sample_processes(hz)
    with tempfile.TemporaryDirectory() as folder:
        config = msgspec.structs.replace(config, out_dir=f"{folder}/run")
        code = trade(config, None)
        profiles = read_profiles(Path(config.out_dir), config.placement)
    render_profiles(profiles, stages=stages)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(profiles)))
    sys.exit(code)

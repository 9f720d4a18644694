"""`trader compare`: what signals and tail risk do for the main job, over many simulated markets."""

from pathlib import Path

import click

from procs.errors import OperatorError

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--seeds", default=20, show_default=True, help="Simulated markets.")
@click.option("--first-seed", default=1, show_default=True, help="Seed of the first; the others follow.")
@click.option("--duration", default="2m", show_default=True, metavar="SPAN", help="Length of each, on its own clock.")
@click.option(
    "--variants", default="signals,tail_risk,both", show_default=True, help="What is compared with off, by commas."
)
@click.option("--stress", default="", metavar="NAME", help="In each market: crash, whale or flash_spread, half-way.")
@click.option("--confidence", default=0.95, show_default=True, help="Of the intervals.")
@click.option("--jobs", default=1, show_default=True, help="Markets at a time, a process each.")
@click.option("--config", type=FILE, help="A configuration file: what both sides of the comparison run with.")
@click.option("--plot", type=FILE, help="Draw the comparison into this picture.")
@click.option("--json", "json_file", type=FILE, help="Write all figures here, each run's path included.")
def compare(
    seeds: int,
    first_seed: int,
    duration: str,
    variants: str,
    stress: str,
    confidence: float,
    jobs: int,
    config: Path | None,
    plot: Path | None,
    json_file: Path | None,
) -> None:
    """Run the main job without signals and tail risk, with each, and with both, on the same simulated markets.

    Prints PnL, drawdown, inventory, fills and quoted share: the mean of each variant, and the mean of its differences
    from off, seed by seed, with a confidence interval (Student's). A * marks those whose sign is clear. Everything
    runs on the virtual clock: two minutes of market take seconds.
    """
    import msgspec

    from procs.cli.progress import Loading
    from procs.compare_picture import draw, load_matplotlib
    from procs.compare_study import OFF, VARIANTS, render
    from procs.compare_study import compare as compared
    from procs.durations import parse_duration
    from procs.kernels import load_kernels
    from procs.settings import load_config
    from trader.exchange.stress import NAMES

    duration_s = parse_duration(duration, key="--duration")
    named = [name.strip() for name in variants.split(",") if name.strip()]
    problems = [
        f"{flag}: found {value:g}, allowed {low:g} to {high:g}"
        for flag, value, low, high in (
            ("--seeds", seeds, 1, 10_000),
            ("--first-seed", first_seed, 0, 2**31),
            ("--duration", duration_s, 1, 86_400),
            ("--confidence", confidence, 0.5, 0.9999),
            ("--jobs", jobs, 1, 256),
        )
        if not low <= value <= high
    ]
    problems += [f"--variants: found '{name}', allowed {', '.join(VARIANTS)}" for name in named if name not in VARIANTS]
    if stress not in NAMES:
        problems.append(f"--stress: found '{stress}', allowed {', '.join(filter(None, NAMES))}")
    for flag, file in (("--plot", plot), ("--json", json_file)):
        if file is not None and not file.absolute().parent.is_dir():
            problems.append(f"{flag}: found no folder '{file.parent}', allowed a file in an existing one")
    if problems:
        raise OperatorError(*problems)
    if plot is not None:
        load_matplotlib()
    settings = load_config(config, {})
    if stress:
        exchange = msgspec.structs.replace(settings.exchange, stress=stress, stress_at_s=duration_s / 2)
        settings = msgspec.structs.replace(settings, exchange=exchange)
    loading, playing = Loading(), Loading("playing")
    for name, done, total in load_kernels(settings.market):
        loading.update(name, done, total)
    told = compared(
        settings,
        [name for name in named if name != OFF],
        seeds=seeds,
        first_seed=first_seed,
        duration_s=duration_s,
        confidence=confidence,
        jobs=jobs,
        progress=playing.update,
    )
    click.echo(render(told))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    if plot is not None:
        begin_s = settings.exchange.stress_at_s
        span = (begin_s, begin_s + settings.exchange.stress_for_s) if settings.exchange.stress else None
        draw(plot, told, span)
        click.echo(f"{plot}: PnL over time, differences from off, inventory")

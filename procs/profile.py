"""`trader profile`: a run whose processes are sampled, and the table of where their time went, down to the kernel."""

from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from procs.placement import groups
from procs.sampler import Profile, profile_file

SHARE_MIN = 0.01
"""What takes less of a process than this is summed up."""


def read_profiles(out_dir: Path, placement: str) -> list[Profile]:
    """What the processes of a run have written, in the order of the placement's groups."""
    files = (profile_file(out_dir, group.name) for group in groups(placement))
    return [msgspec.json.decode(file.read_bytes(), type=Profile) for file in files if file.exists()]


def table_of(profiles: list[Profile], *, stages: tuple[str, ...] = ()) -> Table:
    """Functions of each process by their share of its samples; of `stages` only, where given."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("process", "CPU", "share", "where"):
        table.add_column(heading, justify="right" if heading in ("CPU", "share") else "left")
    for profile in profiles:
        if stages and profile.process not in stages:
            continue
        name, cpu = profile.process, f"{profile.cpu_s:.2f} s"
        rest = 0
        for function, count in profile.counts.items():
            share = count / max(profile.samples, 1)
            if share < SHARE_MIN:
                rest += count
                continue
            table.add_row(name, cpu, f"{share:.1%}", function)
            name = cpu = ""
        if rest:
            table.add_row(name, cpu, f"{rest / profile.samples:.1%}", "(each less than 1 %)")
    return table


def render_profiles(profiles: list[Profile], *, stages: tuple[str, ...] = ()) -> None:
    """Print the table."""
    Console(highlight=False, width=None).print(table_of(profiles, stages=stages))

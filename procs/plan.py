"""What is decided before the first fork: the run's name, configuration, cores, folder, descriptors, keys."""

import functools
from dataclasses import dataclass
from pathlib import Path

from procs.config import RunConfig
from procs.placement import Group, groups
from procs.transport.authentication import Verifier

SUCCESSOR = "successor"
"""The process that replaces a dead router, with nothing but a router in it: it cancels everything."""


@dataclass(frozen=True)
class LaunchPlan:
    """What every process of a run knows from before it was forked."""

    run: str
    config: RunConfig
    cores: dict[str, int]
    out_dir: Path
    eventfds: dict[str, int]
    key_descriptor: int
    verifier: Verifier | None
    log_doorbell: int = 0
    """Address of the log collector's doorbell, in memory that all processes inherit; 0: nobody listens."""

    def group(self, name: str) -> Group:
        """A process of this plan's placement by its name, or the successor router."""
        return self._groups[name]

    def home_of(self, stage: str) -> Group:
        """The process that a stage lives in."""
        return next(group for group in self._groups.values() if stage in group.stages)

    @functools.cached_property
    def _groups(self) -> dict[str, Group]:
        """By name: they are asked for at every look at the processes."""
        successor = Group(SUCCESSOR, ("router",))
        return {group.name: group for group in (*groups(self.config.placement), successor)}

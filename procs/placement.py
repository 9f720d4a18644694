"""Which stages share a process, and how each process waits: a choice over one and the same table.

    process   one process a stage
    fused     feed, book, strategy, risk and router in one process; volatility, signals and tail risk beside it

The simulated exchange is always a process of its own here; the backtest, which has it in the same process on
the virtual clock, is `backtest`.
"""

from dataclasses import dataclass

from procs.topology import FUSED, STAGES, stage_named

SPINS_ALONE = 1 << 20
SPINS_SHARED = 0
YIELDS_SHARED = 1
"""On a core that others need, too: who spins there holds up the very one that it waits for."""


@dataclass(frozen=True)
class Group:
    """One process: its stages in flow order."""

    name: str
    stages: tuple[str, ...]

    @property
    def owns_sockets(self) -> bool:
        """Whether the process runs an event loop."""
        return any(stage_named(stage).owns_sockets for stage in self.stages)


@dataclass(frozen=True)
class Waiting:
    """The idle ladder of a process: pauses, then yields, then sleep (if it may)."""

    spins: int
    yields: int
    sleeps: bool


def groups(placement: str) -> list[Group]:
    """The processes of a placement ("process" or "fused"), consumers before producers, the exchange first."""
    names = [stage.name for stage in STAGES]
    if placement == "fused":
        rest = [name for name in names if name not in FUSED]
        together = [Group("+".join(FUSED), FUSED)]
    elif placement == "process":
        rest, together = names, []
    else:
        raise ValueError(f"placement: found {placement!r}, allowed 'process' or 'fused'")
    order = ["exchange", "volatility", "tail_risk", "signals", "router", "risk", "strategy", "book", "feed"]
    single = [Group(name, (name,)) for name in order if name in rest]
    return [single[0], *single[1:], *together] if "exchange" in rest else [*single, *together]


def waiting(mode: str, *, owns_core: bool) -> Waiting:
    """The ladder for a mode: "spin", "yield", "futex", or "auto" by whether the process has a core to itself."""
    if mode == "auto":
        mode = "spin" if owns_core else "futex"
    if mode == "spin":
        return Waiting(SPINS_ALONE, 0, sleeps=False)
    if mode == "yield":
        return Waiting(100, 1 << 20, sleeps=False)
    if mode == "futex":
        return Waiting(SPINS_SHARED, YIELDS_SHARED, sleeps=True)
    raise ValueError(f"wait: found {mode!r}, allowed auto, spin, yield, futex")

"""Which process runs on which core: reads `--core book=3`, checks it against this host, plans the rest, pins.

    8 cores or more   one each; signals and tail risk, which look now and then, beside the supervisor
    6 or 7            feed to router one each, the others share what is left
    2 to 5            feed to router on the last, exchange and supervisor on the first, volatility between; signals and
                      tail risk beside it
    1                 everything on it

A wake-up across cores costs ten times one on the same core, so stages that cannot have a core each are better
off together. Sharing is never an error, only a reason not to spin (`owns_core`).
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from procs.errors import OperatorError
from procs.topology import FUSED as HOT
from procs.topology import STAGES, SUPERVISOR

PLACES = (*(stage.name for stage in STAGES), SUPERVISOR)
"""Every name that `--core` takes: the stages in flow order, then the supervisor."""

_QUIET = tuple(stage.name for stage in STAGES if not stage.is_rung)
_BUSY = tuple(place for place in PLACES if place not in _QUIET)

_SIBLINGS = "/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"


def available_cores() -> list[int]:
    """The cores that this process may use, ascending: containers and `taskset` narrow them."""
    return sorted(os.sched_getaffinity(0))


def parse_core(text: str) -> tuple[str, int]:
    """Read one `STAGE=N`. Raises OperatorError with what is allowed."""
    place, separator, number = text.partition("=")
    if not separator or not number.strip().isdigit():
        raise OperatorError(f"--core {text}: found '{text}', allowed STAGE=N such as book=3")
    return place.strip(), int(number)


def core_problems(cores: Mapping[str, int], available: Iterable[int]) -> list[str]:
    """What this host cannot do of a core plan, one line each."""
    exists = sorted(available)
    found = [
        f"cores.{place}: found no such stage, allowed {', '.join(PLACES)}" for place in cores if place not in PLACES
    ]
    found += [
        f"cores.{place}: found {core}, allowed {spans(exists)} (the cores this process may use)"
        for place, core in cores.items()
        if place in PLACES and core not in exists
    ]
    return found


def plan_cores(cores: Mapping[str, int], available: Iterable[int], *, fused: bool = False) -> dict[str, int]:
    """A core for each of PLACES: the given ones, the rest by the table above.

    `fused` keeps feed to router together, on the core that any one of them was given. Raises OperatorError
    for cores that do not exist, and for fused stages that were given different ones.
    """
    exists = sorted(available)
    problems = core_problems(cores, exists)
    if fused and len({cores[place] for place in HOT if place in cores}) > 1:
        given = ", ".join(f"{place}={cores[place]}" for place in HOT if place in cores)
        problems.append(f"cores: found {given}, allowed one core for {' '.join(HOT)} in the fused placement")
    if problems:
        raise OperatorError(*problems)
    plan = _default_plan(exists, fused=fused)
    if fused:
        together = next((cores[place] for place in HOT if place in cores), plan["feed"])
        plan.update(dict.fromkeys(HOT, together))
    plan.update(cores)
    return plan


def _default_plan(exists: list[int], *, fused: bool) -> dict[str, int]:
    count = len(exists)
    if count >= len(_BUSY) and not fused:
        plan = dict(zip(_BUSY, exists[-len(_BUSY) :], strict=True))
        return plan | dict.fromkeys(_QUIET, plan[SUPERVISOR])
    if count > len(HOT) and not fused:
        hot, rest = exists[-len(HOT) :], exists[: -len(HOT)]
        plan = dict(zip(HOT, hot, strict=True))
    else:
        rest = exists[:-1] or exists
        plan = dict.fromkeys(HOT, exists[-1])
    plan["exchange"] = plan["supervisor"] = rest[0]
    plan["volatility"] = rest[min(1, len(rest) - 1)]
    return plan | dict.fromkeys(_QUIET, plan["volatility"])


def owns_core(plan: Mapping[str, int], place: str) -> bool:
    """Whether nothing else of the plan runs on this place's core: only then may it spin."""
    return sum(core == plan[place] for core in plan.values()) == 1


def sibling_warnings(plan: Mapping[str, int]) -> list[str]:
    """Hot stages on two hardware threads of one physical core: they slow each other."""
    hot = {plan[place]: place for place in HOT if place in plan}
    seen: set[tuple[int, ...]] = set()
    warnings = []
    for core in sorted(hot):
        pair = tuple(sibling for sibling in siblings(core) if sibling in hot)
        if len(pair) > 1 and pair not in seen:
            seen.add(pair)
            warnings.append(f"cores {spans(pair)} are threads of one physical core: {', '.join(hot[c] for c in pair)}")
    return warnings


def siblings(core: int) -> list[int]:
    """The hardware threads of this core's physical core, itself included; [core] where the kernel does not tell."""
    try:
        return parse_spans(Path(_SIBLINGS.format(core=core)).read_text())
    except OSError:
        return [core]


def pin(core: int, pid: int | None = None) -> None:
    """Keep a process, this one by default, on one core. Raises OperatorError where the kernel refuses."""
    try:
        psutil.Process(pid).cpu_affinity([core])
    except (ValueError, psutil.Error) as error:
        allowed = spans(available_cores())
        raise OperatorError(f"core {core}: {error}; allowed {allowed} (the cores this process may use)") from None


def spans(cores: Iterable[int]) -> str:
    """Cores as people write them: [0, 1, 2, 5] is "0-2, 5"."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def parse_spans(text: str) -> list[int]:
    """The kernel's own lists: "0-2,5" is [0, 1, 2, 5]."""
    cores: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cores.extend(range(int(first), int(last or first) + 1))
    return cores

"""What flags of several commands mean: a core, a speed, a span of time, as trees for the configuration."""

from collections.abc import Sequence
from typing import Any

from procs.errors import OperatorError


def speed_of(text: str) -> float:
    """`--speed`: a factor, or "max" for as fast as it goes (0 in the configuration)."""
    if text == "max":
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise OperatorError(f"--speed: found '{text}', allowed a number such as 20, or max") from None


def cores_of(texts: Sequence[str]) -> dict[str, int]:
    """`--core STAGE=N`, given any number of times; twice for one stage is refused."""
    from procs.affinity import parse_core

    cores: dict[str, int] = {}
    for text in texts:
        place, core = parse_core(text)
        if cores.get(place, core) != core:
            raise OperatorError(f"--core {text}: found {place}={cores[place]} as well, allowed one core a stage")
        cores[place] = core
    return cores


def tree_of(values: dict[str, Any]) -> dict[str, Any]:
    """Flags that were given, keys dotted as in `strategy.file`, as a tree like a configuration file's."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        if value is None or value == {}:
            continue
        *sections, name = key.split(".")
        into = tree
        for section in sections:
            into = into.setdefault(section, {})
        into[name] = value
    return tree

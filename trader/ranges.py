"""Values of a configuration against the ranges that they are allowed: one line for each that is outside. Cold."""

from collections.abc import Iterable
from typing import Any


def out_of_range(section: str, config: Any, rules: Iterable[tuple[str, float, float]]) -> list[str]:
    """What was found and what is allowed. A rule is (key, least, most), both allowed; NaN is outside every range."""
    return [
        f"{section}.{name}: found {value}, allowed {least} to {most}"
        for name, least, most in rules
        if not least <= (value := getattr(config, name)) <= most
    ]


def not_rising(section: str, config: Any, names: Iterable[str]) -> list[str]:
    """The same of pairs that a ramp goes between: 0 <= first < second, both finite."""
    found = []
    for name in names:
        first, second = getattr(config, name)
        if not 0 <= first < second < float("inf"):
            found.append(f"{section}.{name}: found {first}, {second}, allowed two numbers, 0 or more, rising")
    return found

"""Spans of time as people write them: "30s", "500ms", "2m", "1h". A number without its unit is refused."""

import re

from procs.errors import OperatorError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def parse_duration(text: str, *, key: str) -> float:
    """Seconds of a span such as "30s". Raises OperatorError that names `key`, what was found, what is allowed."""
    match = _FORM.fullmatch(text.strip())
    if not match:
        why = " (the unit is missing)" if re.fullmatch(r"\s*[0-9.]+\s*", text) else ""
        raise OperatorError(f"{key}: found '{text}'{why}, allowed a number with ms, s, m or h, such as 30s")
    return float(match[1]) * _SECONDS[match[2]]


def format_duration(seconds: float) -> str:
    """The shortest exact way to write it: 90 is "90s", 0.5 is "500ms", 120 is "2m"."""
    for unit in ("h", "m", "s"):
        count = seconds / _SECONDS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds * 1000:g}ms"

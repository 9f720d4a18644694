"""Two reports beside each other: which rows have become slower, as ratios to the floor of the run that measured them.

    cost      p50 over the floor that was measured between the row's own repetitions; for a rate, its inverse
    change    new cost over old cost: 1.2 is a fifth slower
    allowed   1 + the greater of TOLERANCE and what both rows' spreads leave open

A host that is twice as slow, or a minute in which a neighbour took half of the core, moves the floor with the row.
What a neighbour takes of the caches, or of the other thread of a core, moves only some rows: who seems slower is
measured again, and only what is slower every time has become slower.
"""

from pathlib import Path

import msgspec

from bench.results import TIME, Row
from procs.errors import OperatorError

TOLERANCE = 0.15
SPREADS = 1.5
"""How many spreads of either row are taken for chance."""


class Change(msgspec.Struct, frozen=True):
    """One row of both reports. `change`: new cost over old; `allowed`: the greatest that is no regression."""

    suite: str
    name: str
    unit: str
    old_p50: float
    new_p50: float
    change: float
    allowed: float

    @property
    def regressed(self) -> bool:
        """Whether the row is slower than chance explains."""
        return not self.change <= self.allowed


class _OldReport(msgspec.Struct):
    rows: list[Row]


def read_rows(path: Path) -> list[Row]:
    """The rows of a report that `--json` wrote. Raises OperatorError for anything else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_OldReport).rows
    except FileNotFoundError:
        raise OperatorError(f"--compare: found no file '{path}', allowed a report written with --json") from None
    except (OSError, msgspec.DecodeError) as error:
        raise OperatorError(f"--compare: found '{path}' ({error}), allowed a report written with --json") from None


def changes(old: list[Row], new: list[Row]) -> list[Change]:
    """Every row that stands in both, in the order of the new report; a row's rivals do not repeat it."""
    before = {(row.suite, row.name): row for row in reversed(old)}
    seen: set[tuple[str, str]] = set()
    found = []
    for row in new:
        key = (row.suite, row.name)
        was = before.get(key)
        if was is None or was.unit != row.unit or key in seen:
            continue
        seen.add(key)
        slack = max(TOLERANCE, SPREADS * max(was.spread, row.spread))
        found.append(Change(*key, row.unit, was.p50, row.p50, _cost(row) / _cost(was), 1 + slack))
    return found


def settled(found: list[Change], again: list[Change]) -> list[Change]:
    """Changes after another measurement of some of their rows: for each row the smaller change counts."""
    anew = {(change.suite, change.name): change for change in again}
    return [min(change, anew.get((change.suite, change.name), change), key=_excess) for change in found]


def _excess(change: Change) -> float:
    return change.change / change.allowed


def _cost(row: Row) -> float:
    steps = row.p50 / row.floor_ns if row.unit == TIME else 1e9 / row.p50 / row.floor_ns
    return max(steps, 1e-12)

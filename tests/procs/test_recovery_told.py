"""What a recovery tells of itself in shared memory: nobody takes the last replacement's quotes for this one's."""

from types import SimpleNamespace
from typing import Any

from procs.placement import groups
from procs.recovery import Recovery
from procs.restarts import Restart, RestartPolicy, RestartsConfig


class Row(dict[str, Any]):
    """A row of the table of restarts that keeps what a reader could have seen after each store."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values)
        self.seen: list[dict[str, Any]] = []

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.seen.append(dict(self))


def test_a_replacement_is_counted_only_where_its_quotes_are_still_to_come() -> None:
    row = Row(count=1, quoting_ns=123, recovering=0, died_ns=5, stage=0)
    (group, *_) = groups("fused")
    family: Any = SimpleNamespace(
        memory=SimpleNamespace(restarts=lambda: [row]),
        plan=SimpleNamespace(group=lambda name: group),
    )
    recovery = Recovery(family, RestartPolicy(RestartsConfig()), SimpleNamespace())  # type: ignore[arg-type]
    recovery.restarts = [Restart(group.name, "first", 1.0), Restart(group.name, "second", 2.0)]

    recovery._tell_watchers(recovering=1)

    assert (row["count"], row["quoting_ns"], row["recovering"]) == (2, 0, 1)
    assert not [seen for seen in row.seen if seen["count"] == 2 and seen["quoting_ns"] != 0]
    recovery._tell_watchers(recovering=0)
    assert (row["count"], row["recovering"]) == (2, 0)

"""A run in each placement, from the command to the result: its processes, its memory, its key, its files, its JSON."""

import stat
from itertools import pairwise

import msgspec
import pytest

from procs.affinity import available_cores, plan_cores
from procs.config import HOPS
from procs.placement import groups
from procs.run_segments import SHARED_LINKS
from procs.topology import LINKS, STAGES, TRADING, Full
from tests.system.observed import Observed

KEYS = {
    "placement",
    "duration_s",
    "events",
    "books",
    "orders",
    "quoted_share",
    "position",
    "open_orders",
    "pnl",
    "drops",
    "cpu_percent",
    "latency_ns",
    "seconds_to_first_quote",
}
QUEUES = {link.name for link in SHARED_LINKS if link.when_full not in (Full.LATEST, Full.SET)}


@pytest.fixture(params=["process", "fused"])
def run(request: pytest.FixtureRequest) -> Observed:
    """A finished run of each placement."""
    found: Observed = request.getfixturevalue(f"{request.param}_run")
    return found


def test_a_run_that_agrees_with_the_exchange_exits_with_0(run: Observed) -> None:
    assert run.code == 0, run.said
    assert run.result["ok"], run.result["problems"]
    assert run.result["open_orders"] == {"ours": 0, "venue": 0}
    for symbol, pair in run.result["position"].items():
        assert pair["ours_lots"] == pair["venue_lots"], symbol
    assert "result: ok" in run.said


def test_nothing_is_left_of_a_run(run: Observed) -> None:
    assert run.left == []


def test_the_result_has_everything_that_a_reader_is_promised(run: Observed) -> None:
    found = run.result

    assert found.keys() >= KEYS
    assert found["books"].keys() >= {"checked", "mismatched", "gaps", "resyncs"}
    promised = {"placed", "acked", "filled", "canceled", "rejected", "denied", "unknown"}
    assert found["orders"].keys() >= promised
    assert found["drops"].keys() == QUEUES
    assert found["cpu_percent"].keys() >= {stage.name for stage in STAGES}
    assert found["latency_ns"].keys() == set(HOPS)
    for hop in found["latency_ns"].values():
        assert hop.keys() == {"count", "p50", "p99", "p999", "max"}


def test_the_result_tells_of_a_run_that_traded(run: Observed) -> None:
    found = run.result

    assert found["events"] > 100
    assert found["books"]["checked"] > 10
    assert found["books"]["mismatched"] == 0
    assert found["orders"]["placed"] >= found["orders"]["acked"] > 0
    assert found["orders"]["canceled"] + found["orders"]["filled"] > 0
    assert 0.5 < found["quoted_share"] <= 1.0
    assert found["seconds_to_first_quote"] > 0
    for name, hop in found["latency_ns"].items():
        assert hop["count"] > 0, name
        percentiles = [hop[key] for key in ("p50", "p99", "p999", "max")]
        assert all(below <= above for below, above in pairwise(percentiles)), name


def test_nothing_is_lost_where_nothing_may_be_lost(run: Observed) -> None:
    may_lose = {link.name for link in LINKS if link.when_full in (Full.DROP, Full.DENY)}

    assert {link: lost for link, lost in run.result["drops"].items() if lost and link not in may_lose} == {}


def test_each_process_bears_its_name_and_stands_on_its_core(run: Observed) -> None:
    placement = run.result["placement"]
    plan = plan_cores({}, available_cores(), fused=placement == "fused")

    assert run.cores == {group.name: [plan[group.stages[0]]] for group in groups(placement)}


def test_shared_memory_is_for_this_user_only(run: Observed) -> None:
    assert len(run.modes) > len(SHARED_LINKS)
    assert set(run.modes.values()) == {0o600}


def test_the_key_stands_nowhere_in_the_clear(run: Observed) -> None:
    assert run.key_found == []


def test_only_the_process_that_signs_holds_the_key(run: Observed) -> None:
    assert all("router" in name for name in run.key_holders)
    assert len(run.key_holders) == 1


def test_the_log_is_merged_and_in_order(run: Observed) -> None:
    lines = [msgspec.json.decode(line) for line in (run.out / "log.jsonl").read_bytes().splitlines()]

    names = {line["process"] for line in lines}
    assert len(names) >= 2
    stages = {stage.name for stage in STAGES}
    assert names <= {"supervisor", *(group.name for group in groups(run.result["placement"])), *stages}
    times = [line["time_ns"] for line in lines]
    assert times == sorted(times)
    assert len((run.out / "log.txt").read_text().splitlines()) >= len(lines)
    assert [line for line in lines if line["level"] in ("ERROR", "CRITICAL")] == []


def test_what_compiled_code_logs_stands_in_the_same_log_with_named_values(run: Observed) -> None:
    lines = [msgspec.json.decode(line) for line in (run.out / "log.jsonl").read_bytes().splitlines()]
    events = [line for line in lines if "event" in line]
    names = [line["event"] for line in events]

    assert names.index("FEED_CONNECTING") < names.index("BOOK_SYNCING") < names.index("BOOK_LIVE")
    (live,) = [line for line in events if line["event"] == "BOOK_LIVE"][:1]
    assert live["process"] == "book" and live["logger"] == "trader.book" and live["level"] == "INFO"
    assert live["fields"].keys() == {"symbol", "epoch", "bid_ticks", "ask_ticks"}
    assert live["message"].startswith(f"{live['fields']['symbol']}: the book is LIVE")
    assert [line for line in lines if line.get("lost")] == []


def test_what_a_run_writes_is_complete_and_private(run: Observed) -> None:
    journals = sorted((run.out / "journal").glob("*.journal"))

    assert {path.name.split(".")[0] for path in journals} == set(TRADING)
    for path in (*journals, run.out / "log.jsonl", run.out / "log.txt"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    written = msgspec.json.decode((run.out / "summary.json").read_bytes())
    assert written == run.result
    assert msgspec.json.decode((run.out / "config.json").read_bytes())["placement"] == run.result["placement"]

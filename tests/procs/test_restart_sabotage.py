"""Each guard around a replaced stage taken out of a copy: the checks must notice, or it guards nothing."""

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

WAIT_S = 300.0
AGAINST = "tests.procs.restart_checks"
OTHERS = [ROOT / "tests" / "procs" / "restart_checks.py", ROOT / "tests" / "procs" / "test_rewiring.py"]

# fmt: off
QUICK = [
    ("procs", "restarts.py", "or self.left(now_ns) == 0:", "or False:", "the_fourth_death_in_a_window_halts"),
    ("procs", "restarts.py", "self.standing is Standing.HALTED or ", "", "halted_is_for_good"),
    ("shm", "segment.py", "generation not in (0, segment.generation)", "False",
     "a_segment_of_an_older_generation_is_refused"),
    ("trader", "risk/facts.py", "account.reconciled if account.epoch >= risk.epoch_least else 0", "account.reconciled",
     "risk_stays_shut_until_the_account_that_it_waits_for"),
    ("trader", "risk/facts.py", "epoch_of(order.client_order_id) < epoch", "False",
     "orders_of_an_older_epoch_end_with_the_account_of_a_newer_one"),
]
SLOW = [
    ("procs", "rewiring.py", "        if not is_taken(station, link):\n            return False\n", "",
     "reports_that_were_not_taken_are_not_lost"),
    ("procs", "rewiring.py", "not self.segments.fills_no_old(link.producer, session)", "False",
     "reports_that_are_still_sent_to_the_old_ring_are_not_lost"),
    ("procs", "wiring.py", '        box["slot"]["base"] = address\n', '        box["slot"]["base"] = address\n'
     '        box["slot"]["seen"][:] = 0\n', "an_old_top_is_not_seen_as_new"),
]
# fmt: on


@pytest.mark.parametrize("rows", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)], ids=["quick", "slow"])
@pytest.mark.timeout(600)
def test_faithful_copies_pass(rows: list[tuple[str, ...]]) -> None:
    for package in sorted({row[0] for row in rows}):
        checks = sorted({row[4] for row in rows if row[0] == package})

        assert verdict(copy_of(package, "", "", "", others=OTHERS), package, AGAINST, checks, wait_s=WAIT_S) == FINE


@pytest.mark.parametrize(
    ("package", "file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
    ids=[f"{row[1]}-{row[4]}" for row in QUICK + SLOW],
)
@pytest.mark.timeout(600)
def test_a_guard_taken_out_is_noticed(package: str, file: str, old: str, new: str, check: str) -> None:
    assert_noticed(verdict(copy_of(package, file, old, new, others=OTHERS), package, AGAINST, [check], wait_s=WAIT_S))

"""What the guards around a replaced stage must do: run on copies in which each of them is switched off."""

from contextlib import ExitStack
from pathlib import Path


def the_fourth_death_in_a_window_halts() -> None:
    from procs.restarts import RestartPolicy, RestartsConfig

    policy = RestartPolicy(RestartsConfig())

    assert [policy.died(at) for at in (1, 2, 3, 4)] == [True, True, True, False]


def halted_is_for_good() -> None:
    from procs.restarts import RestartPolicy, RestartsConfig

    policy = RestartPolicy(RestartsConfig(limit=1, window_s=1))

    assert [policy.died(at * 10**9) for at in (0, 0, 100)] == [True, False, False]


def a_segment_of_an_older_generation_is_refused() -> None:
    from shm.segment import Segment, SegmentError, new_run, segment_name

    with ExitStack() as stack:
        made = Segment.create(segment_name(new_run(), 2, "link"), 4096, layout_hash=7, generation=1)
        stack.callback(made.unlink)
        try:
            Segment.attach(made.name, layout_hash=7, generation=2)
        except SegmentError:
            return
        raise AssertionError("attached")


def risk_stays_shut_until_the_account_that_it_waits_for() -> None:
    from tests.trader.risk_records import EPOCH, message, ready_risk
    from trader.messages import AccountState
    from trader.risk.facts import apply_account, pause

    risk = ready_risk()
    pause(risk[0], EPOCH + 1)

    assert risk[0]["symbols"][0]["reconciled"] == 0
    apply_account(risk[0], message(AccountState, reconciled=1, epoch=EPOCH)[0])
    assert risk[0]["symbols"][0]["reconciled"] == 0, "an account from before the stage died"
    apply_account(risk[0], message(AccountState, reconciled=1, epoch=EPOCH + 1)[0])
    assert risk[0]["symbols"][0]["reconciled"] == 1


def orders_of_an_older_epoch_end_with_the_account_of_a_newer_one() -> None:
    from tests.trader.risk_records import EPOCH, intent, message, ready_risk, refusal
    from trader.messages import AccountState
    from trader.risk.facts import apply_account

    risk = ready_risk()

    assert refusal(risk, intent(1, 0))[0] == 0
    apply_account(risk[0], message(AccountState, reconciled=1, epoch=EPOCH)[0])
    assert risk[0]["open_orders"] == 1
    apply_account(risk[0], message(AccountState, reconciled=1, epoch=EPOCH + 1)[0])
    assert risk[0]["open_orders"] == 0


def _run(check: str) -> None:
    """A test of test_rewiring, in a folder of its own."""
    from tests.procs import test_rewiring

    with ExitStack() as stack:
        segments = test_rewiring.RunSegments.create(test_rewiring.new_run(), symbols=1)
        stack.callback(segments.unlink)
        getattr(test_rewiring, check)(segments, Path("."))


def reports_that_were_not_taken_are_not_lost() -> None:
    _run("test_a_reader_that_lives_takes_the_old_ring_to_its_end_and_then_the_new_one")


def reports_that_are_still_sent_to_the_old_ring_are_not_lost() -> None:
    _run("test_a_reader_that_has_taken_all_waits_for_who_may_still_write")


def an_old_top_is_not_seen_as_new() -> None:
    _run("test_slots_go_over_with_what_they_hold_and_nothing_is_seen_twice")

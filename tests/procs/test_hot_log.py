"""Events of compiled code: formats, lost ones, hostile memory, and what each stage tells."""

import numpy as np
import pytest

from procs.hot_log import AGE_NS_MAX, DROPS_MAX, LOGGER
from procs.hot_log_events import Event
from procs.hot_log_formats import FORMATS, HotFormat, Symbol, format_problems
from procs.log_files import text_of
from procs.log_queue import decode_line, encode_line
from procs.ports import PORTS
from shm.clock import virtual_clock
from shm.doorbell import AWAKE, IN_FUTEX
from shm.kernel import address_of_array, new_record
from shm.log_ring import EVENT_BITS, LOG_RECORD, POSITION, SEQUENCE
from tests.procs.heard import NOW_NS, Heard, say, say_many
from tests.procs.market_stage import MarketStage
from tests.procs.one_duty import OneDuty, relay_table, trade
from tests.procs.relay_stage import FAIL, OUT_HALT
from tests.procs.router_desk import RouterDesk, ready_desk
from tests.procs.test_risk import intent, ready_stage
from tests.shm.areas import aligned
from trader.book import ClearCause
from trader.enums import BookState, Command, RefusalReason, WireKind
from trader.messages import BookClear, Control, Timer
from trader.router.state import ORDER_API

FRESH = {"level": "INFO", "logger": "trader.x", "template": "{a}", "fields": {"a": int}}


def new_ports(time_ns: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """PORTS with nothing but a clock, and the clock."""
    ports, clock = new_record(PORTS), virtual_clock(time_ns)
    ports[0]["clock"] = address_of_array(clock)
    return ports, clock


def test_every_event_has_a_format_without_contradictions() -> None:
    assert format_problems(FORMATS) == []
    assert set(FORMATS) == set(Event)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"level": "LOUD"}, "level: found 'LOUD'"),
        ({"template": "{b}"}, "template: names ['b'], the fields are ['a']"),
        ({"template": "nothing"}, "template: names [], the fields are ['a']"),
        ({"template": "{a}", "fields": {"a": str}}, "field a: found <class 'str'>"),
        (
            {"template": "{a}{b}{c}{d}{e}{f}{g}", "fields": dict.fromkeys("abcdefg", int)},
            "fields: found 7, allowed 6",
        ),
    ],
)
def test_a_format_that_contradicts_itself_is_refused(changed: dict[str, object], problem: str) -> None:
    assert HotFormat(**FRESH).problems() == []  # type: ignore[arg-type]

    found = HotFormat(**{**FRESH, **changed}).problems()  # type: ignore[arg-type]
    assert len(found) == 1 and found[0].startswith(problem)


def test_an_event_without_a_format_is_found() -> None:
    formats = {event: format_ for event, format_ in FORMATS.items() if event is not Event.BOOK_LIVE}

    assert format_problems(formats) == ["BOOK_LIVE: declared, without a format"]


def test_a_record_becomes_a_line_with_names_instead_of_numbers() -> None:
    ports, _ = new_ports(77)
    heard = Heard(ports[0], symbols=("BTCUSDT", "ETHUSDT"))
    say(address_of_array(ports), Event.BOOK_STALE, 1, 12, ClearCause.GAP, 0.5)
    (line,) = heard.lines()

    assert (line.time_ns, line.process, line.level, line.logger) == (77, "stage", "WARNING", "trader.book")
    assert (line.event, line.fields) == ("BOOK_STALE", {"symbol": "ETHUSDT", "epoch": 12, "cause": "GAP"})
    assert line.message == "ETHUSDT: the book is STALE, cause GAP, epoch 12"
    assert decode_line(encode_line(line)) == line


def test_floats_come_as_floats_and_what_json_cannot_say_as_text() -> None:
    format_ = HotFormat("INFO", "trader.x", "{a} {b}", {"a": float, "b": float, "c": Symbol})
    words = np.array([0.25, np.nan]).view(np.int64).tolist()

    assert format_.values([*words, 3], ()) == {"a": 0.25, "b": "nan", "c": "symbol 3"}


def test_without_a_ring_nothing_is_logged_and_nothing_is_touched() -> None:
    ports, _ = new_ports()
    before = ports.tobytes()
    say(address_of_array(ports), Event.BOOK_STALE, 1, 2, 3, 0.5)

    assert ports.tobytes() == before


def test_every_drop_is_counted_before_the_next_record_or_behind_the_last() -> None:
    ports, _ = new_ports()
    heard = Heard(ports[0], records=4)
    writer = ports[0]["hot_log"].__array_interface__["data"][0]
    tried = 0
    lines = []
    for count in (3, 9, 0, 6, 1, 5):
        say_many(writer, Event.FEED_CONNECTING, 10 + tried, count)
        tried += count
        lines += heard.lines()

    assert sum(line.lost for line in lines) + sum(line.event != "" for line in lines) == tried
    told = [line for line in lines if line.logger == LOGGER]
    assert [line.lost for line in told] == [5, 2, 1]
    assert text_of(told[0]).endswith("WARNING stage       its log ring was full  (5 lost before)")


def test_drops_in_mid_stream_stand_on_the_record_behind_them() -> None:
    ports, _ = new_ports()
    heard = Heard(ports[0], records=4)
    writer = ports[0]["hot_log"].__array_interface__["data"][0]
    say_many(writer, Event.FEED_CONNECTING, 1, 6)
    heard.content.view(np.int64)[16] = 2  # the reader has taken two, and not yet looked again
    heard.ring.reader[0]["position"] = 2
    heard.ring._expected = 2
    say_many(writer, Event.FEED_CONNECTING, 7, 1)

    assert [(line.time_ns, line.lost) for line in heard.lines()] == [(3, 0), (4, 0), (7, 2)]


def test_hostile_memory_never_raises_and_always_gives_lines_that_can_be_written() -> None:
    rng = np.random.default_rng(11)
    ports, _ = new_ports()
    for _ in range(100):
        heard = Heard(ports[0], records=64)
        heard.content[:] = rng.integers(0, 256, heard.content.size, dtype=np.uint8)
        words = heard.content.view(np.int64)
        words[POSITION // 8], words[SEQUENCE // 8] = 64, int(rng.integers(0, DROPS_MAX))
        records = heard.content[256:].view(LOG_RECORD)
        if rng.random() < 0.5:  # known events with senseless values and times
            events = rng.choice(np.array(list(Event)), 64)
            records["word"] = rng.integers(0, 1 << 20, 64) << EVENT_BITS | events
        lines = heard.lines()
        assert len(lines) >= 64
        for line in lines:
            assert NOW_NS - AGE_NS_MAX <= line.time_ns <= 2 * NOW_NS and line.lost >= 0
            assert decode_line(encode_line(line)) == line
            assert text_of(line).count("\n") == 0
        assert len(heard.lines()) <= 1


def test_an_unknown_event_and_a_sequence_out_of_turn_do_not_stop_the_ring() -> None:
    ports, _ = new_ports()
    heard = Heard(ports[0], records=8)
    writer = ports[0]["hot_log"].__array_interface__["data"][0]
    say_many(writer, 999, 10, 1)
    say_many(writer, Event.FEED_CONNECTING, 11, 2)
    heard.content[256 + 64 : 256 + 72].view(np.int64)[0] = (1 << 40) << EVENT_BITS | Event.FEED_CONNECTING
    lines = heard.lines()
    assert lines[0].message == "unknown event 999: 0, 0, 0, 0, 0, 0" and lines[0].level == "WARNING"
    assert [line.time_ns for line in lines] == [10, 11, 12]

    say_many(writer, Event.FEED_CONNECTING, 13, 1)
    assert [(line.time_ns, line.lost) for line in heard.lines()] == [(13, 0)]


@pytest.mark.parametrize("word", [POSITION, SEQUENCE])
def test_a_ring_whose_words_cannot_be_true_is_told_of_once(word: int) -> None:
    ports, _ = new_ports()
    heard = Heard(ports[0])
    heard.content.view(np.int64)[word // 8] = 1 << 60

    assert [line.message for line in heard.lines()] == ["its log ring is damaged and not read any more"]
    assert heard.lines() == []


@pytest.mark.usefixtures(relay_table.__name__)
class TestTheCycle:
    """What the duty cycle itself tells."""

    def test_a_failed_step_is_told_with_its_code_type_and_sequence(self) -> None:
        duty = OneDuty()
        heard = Heard(duty.ports)
        duty.give("in_wait", trade(1))
        duty.give("in_wait", trade(2, FAIL, 7))
        duty.run()

        assert heard.said() == [("STEP_FAILED", {"code": -7, "message_type": 3, "sequence": 1})]

    def test_missed_messages_and_a_latched_halt_are_told_once_each(self) -> None:
        duty = OneDuty()
        heard = Heard(duty.ports)
        for number in range(100):
            duty.give("in_drop", trade(number))
        duty.run()
        duty.give("in_drop", trade(100))
        duty.run()
        (missed,) = heard.said()
        assert missed[0] == "MESSAGES_MISSED" and missed[1]["missed"] == 100

        for number in range(100):
            duty.give("in_halt", trade(number, OUT_HALT, 2))
        duty.run()
        duty.run()
        assert duty.cell.halted
        assert heard.said() == [("HALT_LATCHED", {})]

    def test_the_collectors_doorbell_is_rung_behind_a_pass_that_logged_and_by_no_other(self) -> None:
        bell = aligned(128).view(np.int64)
        duty = OneDuty()
        heard = Heard(duty.ports, doorbell=address_of_array(bell))
        bell[0] = IN_FUTEX
        duty.give("in_wait", trade(1))
        duty.run()
        assert bell[0] == IN_FUTEX

        duty.give("in_wait", trade(2, FAIL, 7))
        duty.run()
        assert bell[0] == AWAKE
        assert [name for name, _ in heard.said()] == ["STEP_FAILED"]


def test_the_book_tells_each_change_of_its_state_and_why() -> None:
    stage = MarketStage("book", "BTCUSDT")
    heard = Heard(stage.station.row["ports"])
    stage.give(BookClear(0, 0, 0, BookState.SYNCING, ClearCause.START), 0)
    stage.delta([(1000, 5)], [(1001, 7)], last=10, previous=0, snapshot=True)
    stage.delta([(998, 1)], [], last=20, previous=10)
    stage.delta([(998, 2)], [], last=30, previous=20)
    stage.delta([(998, 1)], [], last=50, previous=40)

    assert heard.said() == [
        ("BOOK_SYNCING", {"symbol": "BTCUSDT", "epoch": 1, "cause": "START"}),
        ("BOOK_LIVE", {"symbol": "BTCUSDT", "epoch": 3, "bid_ticks": 1000, "ask_ticks": 1001}),
        ("BOOK_STALE", {"symbol": "BTCUSDT", "epoch": 5, "cause": "GAP"}),
    ]


def test_risk_tells_each_refusal_with_its_reason_and_the_halt() -> None:
    stage = ready_stage()
    heard = Heard(stage.station.row["ports"])
    stage.give(intent(1), 1)
    asked = intent(2, size=1_001)
    stage.give(asked, 1)
    stage.give(Control(Command.HALT, 0), 2)

    assert heard.said() == [
        (
            "RISK_REFUSED",
            {"symbol": "BTCUSDT", "order": asked.client_order_id, "reason": RefusalReason.QUANTITY.name, "found": 1_001,
             "allowed": 1_000},
        ),
        ("RISK_HALTED", {"cause": "COMMAND", "trading": "HALTED"}),
    ]  # fmt: skip


def test_the_router_tells_what_did_not_get_where_it_should() -> None:
    desk = RouterDesk()
    heard = Heard(desk.stage.station.row["ports"])
    order = desk.place(1)

    denied = {"symbol": "BTCUSDT", "order": order.client_order_id, "reason": "NOT_RECONCILED"}
    assert heard.said() == [("ORDER_DENIED", denied)]


def test_the_router_tells_of_lost_connections_and_of_orders_whose_fate_is_unknown_since() -> None:
    desk = ready_desk()
    heard = Heard(desk.stage.station.row["ports"])
    order = desk.place(1)
    desk.wire(ORDER_API, WireKind.LOST)
    desk.give(Timer(1))
    said = dict(heard.said())

    assert said["CONNECTION_LOST"] == {"connection": "ORDER_API", "reconnects": 0}
    assert said["ORDER_UNKNOWN"] == {
        "symbol": "BTCUSDT",
        "order": order.client_order_id,
        "side": "BUY",
        "price_ticks": order.price_ticks,
        "size_lots": order.size_lots,
    }
    assert said["RECONCILED"]["reconciled"] == 0

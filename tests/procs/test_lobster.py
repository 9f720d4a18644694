"""LOBSTER data through the order-by-order book: every transition, in any order of files; damaged ones are found."""

import gzip

import numpy as np
import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.lobster import lobster_files, verify_lobster
from procs.recording import RecordingError

NAMES = ("AAPL_2012-06-21_34200000_57600000_message_10.csv", "AAPL_2012-06-21_34200000_57600000_orderbook_10.csv")

# A market of two levels a side. Bid 100: order 1 (5 lots), ask 103: unknown orders (9 lots).
MESSAGES = """\
34200.000000001,1,1,5,100,1
34200.000000002,1,2,7,101,1
34200.000000003,4,2,3,101,1
34200.5,4,77,4,103,-1
34201,5,0,1,102,1
34202,3,2,4,101,1
34203,1,3,2,102,-1
34204,7,0,0,-1,-1
34205,3,3,2,102,-1
"""
BOOK = """\
103,9,100,5,105,1,99,2
103,9,101,7,105,1,100,5
103,9,101,4,105,1,100,5
103,5,101,4,105,1,100,5
103,5,101,4,105,1,100,5
103,5,100,5,105,1,98,6
102,2,100,5,103,5,98,6
102,2,100,5,103,5,98,6
103,5,100,5,105,8,98,6
"""


def written(folder, messages=MESSAGES, book=BOOK, *, packed=False):
    paths = [folder / "messages", folder / "book"]
    for path, text in zip(paths, (messages, book), strict=True):
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return paths


def verified(paths):
    return verify_lobster(lobster_files(paths))


def test_all_transitions_of_the_recorded_book_agree(trader_data):
    result = verified([trader_data / "lobster" / name for name in NAMES])

    assert (result.messages, result.checked, result.mismatched) == (999, 998, 0)
    assert result.proven


def test_each_message_that_changes_the_book_is_missed_where_it_is_left_out(trader_data, tmp_path):
    messages, rows = (trader_data.joinpath("lobster", name).read_text().splitlines() for name in NAMES)
    missed = 0
    chosen = np.random.default_rng(4).choice(np.arange(2, 990), 40, replace=False).tolist()
    for at in chosen:
        kind = messages[at].split(",")[1]
        lines = [*messages[:at], "34200,7,0,0,-1,-1", *messages[at + 1 :]][: at + 2]
        found = verified(written(tmp_path, "\n".join(lines), "\n".join(rows[: at + 2])))
        assert found.mismatched == (1 if kind in "134" else 0), messages[at]
        missed += found.mismatched
    assert missed > 30


def test_each_wrong_size_in_a_row_is_found(trader_data, tmp_path):
    messages, rows = (trader_data.joinpath("lobster", name).read_text().splitlines() for name in NAMES)
    random = np.random.default_rng(5)
    for _ in range(40):
        at, column = int(random.integers(1, 990)), 1 + 2 * int(random.integers(0, 20))
        fields = rows[at].split(",")
        fields[column] = str(int(fields[column]) + 1)
        found = verified(written(tmp_path, "\n".join(messages[: at + 1]), "\n".join([*rows[:at], ",".join(fields)])))
        # The last level of a side may have come into view with this very row: then nothing is known against it.
        if found.mismatched == 0:
            assert column >= 37
            assert fields[column - 1] not in rows[at - 1].split(",")


def test_levels_come_into_view_and_leave_and_unannounced_lots_are_taken(tmp_path):
    result = verified(written(tmp_path))

    assert (result.messages, result.checked, result.mismatched, result.levels) == (9, 8, 0, 6)


def test_files_are_told_apart_by_content_in_any_order_and_packed(tmp_path):
    messages, book = written(tmp_path, packed=True)

    assert lobster_files([book, messages]) == (messages, book)
    assert verified([book, messages]).mismatched == 0


def test_a_revealed_level_better_than_the_last_known_one_is_a_mismatch(tmp_path):
    rows = BOOK.splitlines()
    rows[5] = rows[5].replace("98,6", "99,6")
    assert verified(written(tmp_path, book="\n".join(rows[:6]), messages="\n".join(MESSAGES.splitlines()[:6]))).proven
    rows[5] = rows[5].replace("99,6", "100,6")

    result = verified(written(tmp_path, book="\n".join(rows[:6]), messages="\n".join(MESSAGES.splitlines()[:6])))

    assert (result.mismatched, result.last_fault) == (1, "message 6")


def test_a_side_that_is_whole_reveals_nothing(tmp_path):
    empty = "9999999999,0,-9999999999,0"
    rows = [f"103,9,100,5,{empty}", f"103,9,100,5,105,1,{empty.partition(',0,')[2]}"]
    lines = ["34200,1,1,5,100,1", "34201,7,0,0,-1,-1"]

    assert verified(written(tmp_path, "\n".join(lines), "\n".join(rows))).mismatched == 1


def test_one_file_of_each_kind_is_needed(tmp_path):
    messages, book = written(tmp_path)
    (tmp_path / "again").write_text(MESSAGES)
    for chosen in ([messages], [book], [messages, book, tmp_path / "again"]):
        with pytest.raises(RecordingError, match="allowed one of each"):
            lobster_files(chosen)


def test_files_of_other_formats_are_left_to_others(tmp_path):
    (tmp_path / "lines").write_text('1723161256 {"stream":"x"}\n')
    (tmp_path / "text").write_text("a,b,c\n1,2,3\n")

    assert lobster_files([tmp_path / "lines"]) is None
    assert lobster_files([tmp_path / "text", tmp_path / "lines"]) is None


def test_files_of_different_length_and_damaged_ones_are_refused(tmp_path):
    with pytest.raises(RecordingError, match="one a message"):
        verified(written(tmp_path, book="\n".join(BOOK.splitlines()[:5])))
    with pytest.raises(RecordingError, match="rows of numbers"):
        verified(written(tmp_path, messages=MESSAGES.replace("34201,5", "34201,x")))


def test_the_command_takes_both_files(tmp_path):
    paths = [str(path) for path in written(tmp_path)]
    ok = CliRunner().invoke(main, ["book", "--verify", *reversed(paths)])
    assert ok.exit_code == 0, ok.output
    assert "proven: every check agrees" in ok.output

    (tmp_path / "book").write_text(BOOK.replace("102,2,100,5,103,5", "102,2,100,5,103,6"))
    wrong = CliRunner().invoke(main, ["book", "--verify", *paths])

    assert wrong.exit_code == 1
    assert "WRONG" in wrong.output

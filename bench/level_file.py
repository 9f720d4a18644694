"""Decoded book levels in a file of int64 words that every contestant reads: the same food for all.

    per message   bid count, ask count, then so many pairs (price in ticks, size in lots), bids first; 0 lots deletes
    the first     is a snapshot; it is loaded before the clock starts

Rivals read it under their own Python: nothing is imported here that is not in every one.
"""

import json
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

Level = tuple[int, int]
Message = tuple[list[Level], list[Level]]


def read_words(path: str | Path) -> array:
    """All words of a file."""
    words = array("q")
    words.frombytes(Path(path).read_bytes())
    return words


def read_messages(path: str | Path) -> list[Message]:
    """(bids, asks) of each message."""
    words = read_words(path)
    messages: list[Message] = []
    at = 0
    while at < len(words):
        bids, asks = words[at], words[at + 1]
        pairs = words[at + 2 : at + 2 + 2 * (bids + asks)]
        levels = list(zip(pairs[::2], pairs[1::2], strict=True))
        messages.append((levels[:bids], levels[bids:]))
        at += 2 + 2 * (bids + asks)
    return messages


def print_passes(one_pass: Callable[[list[Message]], tuple[float, int]]) -> None:
    """The main of a rival's program, `LEVEL_FILE PASSES`: each pass's mean nanoseconds a level, the last answer."""
    messages = read_messages(sys.argv[1])
    passes = [one_pass(messages) for _ in range(int(sys.argv[2]))]
    print(json.dumps({"samples_ns": [elapsed_ns for elapsed_ns, _ in passes], "answer": passes[-1][1]}))


def level_count(messages: list[Message]) -> int:
    """Levels that are timed: all but the snapshot's."""
    return sum(len(bids) + len(asks) for bids, asks in messages[1:])

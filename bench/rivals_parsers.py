"""Parsers of JSON: `python rivals_parsers.py orjson|simdjson FRAME_FILE PASSES`, under their own environment's Python.

A frame file holds one frame a line. orjson makes dicts of texts; simdjson parses only and nothing is taken out of
what it found. Neither makes numbers of the texts. The answer is the frames' bytes, read back in an untimed pass.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH = 64


def main(who: str, path: str, passes: int) -> None:
    """Mean nanoseconds a frame, of each batch."""
    frames = Path(path).read_bytes().splitlines()
    decode = decoder(who)
    answer = sum(len(frame) for frame in frames if len(decode(frame)) > 1)
    samples = []
    for _ in range(passes):
        for first in range(0, len(frames), BATCH):
            batch = frames[first : first + BATCH]
            start_ns = time.perf_counter_ns()
            for frame in batch:
                decode(frame)
            samples.append((time.perf_counter_ns() - start_ns) / len(batch))
    print(json.dumps({"samples_ns": samples, "answer": answer}))


def decoder(who: str) -> Callable[[bytes], Any]:
    """The function that takes one frame."""
    if who == "orjson":
        import orjson

        return orjson.loads
    import simdjson

    return simdjson.Parser().parse


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

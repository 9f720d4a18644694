"""An experiment: would answers that are kept be quicker than checks? Kept because it says no.

    key     what a decision depends on: the order's own words, versions of limits, of exposure and of the book
    hit     the same key stands in its cell: its answer is taken
    miss    decide, and keep the answer

A hit can equal a fresh check only while nothing has changed, and every approval changes the exposure. Ages, pace and
balance depend on the time besides, which no version names; the experiment leaves them out, in the cache's favour.
"""

import numpy as np

from bench.results import Result, times
from shm.clock import read_clock
from shm.kernel import address_of_array, kernel

CELLS = 1 << 10
BATCH = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)

CELL = np.dtype([("words", "i8", (10,)), ("answer", "i8")], align=True)


@kernel
def answer_of(cells, words):
    """The kept answer for these words, or -1."""
    mixed = np.uint64(0)
    for word in words:
        mixed = (mixed ^ np.uint64(word)) * _MIX
    cell = cells[np.int64(mixed >> np.uint64(54))]
    differing = 0
    for i in range(len(words)):
        differing |= cell.words[i] ^ words[i]
    return cell.answer if differing == 0 else -1


@kernel
def keep_answer(cells, words, answer):
    """Keep it, over whatever stood there."""
    mixed = np.uint64(0)
    for word in words:
        mixed = (mixed ^ np.uint64(word)) * _MIX
    cell = cells[np.int64(mixed >> np.uint64(54))]
    for i in range(len(words)):
        cell.words[i] = words[i]
    cell.answer = answer


@kernel
def ask_again_and_again(cells, asked, clock, samples):
    """Ask for what is kept, BATCH questions a sample; how many were hits."""
    hits = 0
    for i in range(len(samples)):
        begun_ns = read_clock(clock)
        for k in range(BATCH):
            hits += 1 if answer_of(cells, asked[k]) >= 0 else 0
        samples[i] = (read_clock(clock) - begun_ns) / BATCH
    return hits


@kernel
def hits_of_a_stream(cells, orders, versions):
    """Hits of `orders` decisions on a ladder that is quoted anew: each approval is a version of the exposure."""
    hits = 0
    words = np.zeros(10, dtype=np.int64)
    for number in range(orders):
        words[0], words[1], words[2] = 0, 1 if number & 1 else -1, 600_000 - number % 7
        words[3], words[4], words[5] = 2, 0, number % 3
        words[6], words[7], words[8] = 1, number * versions, number // 6
        if answer_of(cells, words) >= 0:
            hits += 1
        else:
            keep_answer(cells, words, 0)
    return hits


def kept_answers(clock: np.ndarray, count: int) -> Result:
    """Times of hits alone, of eight questions whose answers are all kept; the answer is how many were hits."""
    cells, asked, samples = np.zeros(CELLS, CELL), np.zeros((BATCH, 10), np.int64), np.zeros(count)
    asked[:, 0] = np.arange(BATCH)
    asked[:, 2] = 600_000 - np.arange(BATCH)
    for words in asked:
        keep_answer(cells, words, 0)
    hits = ask_again_and_again(cells, asked, address_of_array(clock), samples)
    return times(samples, f"{hits} approved")


def hit_rate(orders: int) -> float:
    """Share of decisions that a cache could answer while every approval changes the exposure."""
    return float(hits_of_a_stream(np.zeros(CELLS, CELL), orders, 1)) / orders

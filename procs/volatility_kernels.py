"""The loop that takes a recording's mids to a volatility stage and keeps what the windows were."""

import math

import numpy as np

from procs.recorded_frames import FRAME_ROW
from procs.stages.volatility import take_mid
from procs.verify_kernels import replay_rows
from procs.volatility_state import STATE
from shm.kernel import kernel, view
from trader.book.state import BOOK
from trader.enums import BookState
from trader.volatility.estimate import reset_window

SAMPLER = np.dtype([(name, "i8") for name in ("state_address", "symbol", "count", "seen_ns", "was_live")], align=True)
"""`count`: windows kept; `seen_ns`: the book's time at the last look."""

_ROW_BYTES = FRAME_ROW.itemsize
_BOOK_BYTES = BOOK.itemsize


@kernel
def sample_rows(sampler, own, entry, text, rows, count, observed):
    """Give `count` rows to the session; after each, its book's mid to the stage, and closed windows to `observed`.

    An OBSERVATION a window: its return in bps, its realised variance and of how many movements (0 where that is not
    wanted). Where the book was not to be trusted in between, one window is missing (NaN).
    """
    stage = view(sampler.state_address, STATE)
    estimator = stage.estimators[0]
    book = view(own.books_address + sampler.symbol * _BOOK_BYTES, BOOK)
    for index in range(count):
        replay_rows(own, entry, text, rows + index * _ROW_BYTES, 1)
        if book.state != BookState.LIVE or book.bid_ticks <= 0 or book.ask_ticks <= 0:
            if sampler.was_live and sampler.count > 0:
                _keep(sampler, observed, math.nan, 0.0, 0)
            sampler.was_live = 0
            reset_window(estimator)
            continue
        sampler.was_live = 1
        if book.event_ns <= sampler.seen_ns:
            continue
        sampler.seen_ns = book.event_ns
        closed = take_mid(stage, 0, book.event_ns, book.bid_ticks + book.ask_ticks)
        if closed > estimator.quiet:
            _keep(sampler, observed, estimator.return_bps, estimator.parts.squared, estimator.parts.count)
        if closed > 0:
            for _ in range(estimator.quiet):
                _keep(sampler, observed, 0.0, 0.0, 0)


@kernel
def _keep(sampler, observed, value, squared, count):
    if sampler.count < len(observed):
        row = observed[sampler.count]
        row.value = value
        row.squared = squared
        row.count = count
        sampler.count += 1

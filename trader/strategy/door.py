"""The door between the engine and a strategy: what `quote` is given, what it gives back, and its shape.

    @quote_entry
    def quote(state, book, belief, position, out): ...

| argument   | what                                      | whose                                            |
|------------|-------------------------------------------|--------------------------------------------------|
| `state`    | the strategy's own STATE, one per symbol  | the strategy's: it survives from call to call    |
| `book`     | BookTop of the symbol, always LIVE        | read only                                        |
| `belief`   | VolatilityEstimate, or the prior: WARMING;| read only                                        |
|            | then what signals and tail risk say: SEEN |                                                  |
| `position` | POSITION of the symbol                    | read only                                        |
| `out`      | QUOTES, all zero                          | the strategy fills it                            |

An order that takes is asked for by `take_side` (1 buys, -1 sells), `take_ticks`, its limit, and `take_lots`: it is
filled at once as far as it goes, the rest expires. One a symbol is under way at a time, so whoever still asks when
it has ended gets the next one; risk refuses what would cost more than its slippage limit, and the same order again
within its `duplicate_ms`.

`quote` is compiled (numba, nopython) and called with the addresses of the five records, so it may use what numba
offers, without allocation. It returns nothing. It is called when the book or the belief changes, when one of
our orders ends and on a timer, so it must not count its calls as time: `position.now_ns` is our monotonic
clock, `book.event_ns` the venue's.

The engine takes care of the rest: what does not move by more than the tolerance stays, a quote never crosses
the touch (post-only), sizes are cut to the position limit, and risk has the last word.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from shm.kernel import kernel

LEVELS_MAX = 10
"""Quotes a side at most."""

ARGUMENTS = ("state", "book", "belief", "position", "out")

POSITION = np.dtype(
    [
        ("symbol_id", "i8"),
        ("now_ns", "i8"),
        ("position_lots", "i8"),
        ("position_lots_max", "i8"),
        ("open_bid_lots", "i8"),
        ("open_ask_lots", "i8"),
        ("cash_e8", "i8"),
        ("pnl_e8", "i8"),
        ("average_ticks", "f8"),
        ("tick_value_e8", "i8"),
        ("size_lots_min", "i8"),
        ("notional_e8_min", "i8"),
    ],
    align=True,
)
"""One symbol's position: signed lots, what rests on each side, cash (fees included) and PnL at the mid in 1e-8
of the quote currency, average entry price in ticks; then the instrument's units and minimum sizes."""

SEEN = np.dtype(
    [
        ("panic", "i8"),
        ("panic_confidence", "f8"),
        ("panic_direction", "i8"),
        ("momentum", "f8"),
        ("reversion", "f8"),
        ("flow", "f8"),
        ("pressure", "f8"),
        ("shift_bps", "f8"),
        ("aggressiveness", "f8"),
        ("tail_level", "f8"),
        ("size_permille", "i8"),
        ("spread_permille", "i8"),
        ("is_halted", "i8"),
    ],
    align=True,
)
"""What else is believed of a symbol. Signals: 1 in a panic, its confidence 0 to 1 and direction -1, 0, 1; four signals,
-1 to 1; the fair price less the mid in bps of it; 1 to quote as ever, 0 to stay away. Tail risk: its level, 0 to 1, and
what it asks for, which the desk sees to itself: sizes, distances from the mid in thousandths, no quotes at all."""

QUOTES = np.dtype(
    [
        ("bid_count", "i8"),
        ("ask_count", "i8"),
        ("bid_ticks", "i8", (LEVELS_MAX,)),
        ("bid_lots", "i8", (LEVELS_MAX,)),
        ("ask_ticks", "i8", (LEVELS_MAX,)),
        ("ask_lots", "i8", (LEVELS_MAX,)),
        ("take_side", "i8"),
        ("take_ticks", "i8"),
        ("take_lots", "i8"),
    ],
    align=True,
)
"""Wanted quotes, nearest first: entries below the side's count are read; 0 lots is no quote at that level. `take_*`: an
order that takes, 0 lots for none."""


class SignatureError(TypeError):
    """A strategy's `quote` does not have the door's arguments; the message names the first that is wrong."""


def quote_entry(function: Callable[..., Any]) -> Any:
    """Mark and compile a strategy's `quote`. Raises SignatureError if its arguments are not the door's.

    The result can also be called from Python with records (`array[0]`), which is how a test tries it.
    """
    problem = signature_problem(function)
    if problem:
        raise SignatureError(problem)
    return kernel(function)


def signature_problem(function: Callable[..., Any]) -> str:
    """What is wrong with the arguments of a strategy's `quote`; empty when nothing is."""
    allowed = f"quote({', '.join(ARGUMENTS)})"
    parameters = list(inspect.signature(function).parameters.values())
    for index, wanted in enumerate(ARGUMENTS):
        if index >= len(parameters):
            return f"argument {index + 1}: '{wanted}' is missing, allowed {allowed}"
        found = parameters[index]
        if found.name != wanted:
            return f"argument {index + 1}: found '{found.name}', allowed '{wanted}' as in {allowed}"
        if found.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD or found.default is not inspect.Parameter.empty:
            return f"argument '{found.name}': found '{found}', allowed a plain argument as in {allowed}"
    if len(parameters) > len(ARGUMENTS):
        extra = parameters[len(ARGUMENTS)]
        return f"argument {len(ARGUMENTS) + 1}: found '{extra.name}', allowed none after 'out' as in {allowed}"
    return ""

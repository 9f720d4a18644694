"""Strategy: from a book, a belief and a position to the quotes that shall rest, and from those to orders.

`door`      what a strategy's `quote(state, book, belief, position, out)` is given and gives back
`quoting`   the built-in strategy, which uses the same door
`outlook`   what volatility to reckon with: the posterior over the time that a fill is held
`lines`     the desk's records: one order per symbol, side and level
`desk`      what rests and what is wanted: orders to place, orders to cancel
`account`   reports, refusals and the venue's word: fills, ends of orders, position
`config`    [strategy]
"""

from trader.strategy.config import StrategyConfig as StrategyConfig
from trader.strategy.door import LEVELS_MAX as LEVELS_MAX
from trader.strategy.door import POSITION as POSITION
from trader.strategy.door import QUOTES as QUOTES
from trader.strategy.door import quote_entry as quote_entry

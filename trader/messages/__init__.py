"""Every message between stages, once. The compiled codec, the dtypes and the journals derive from it.

Fields are append-only; a tag is never used twice. Prices are int64 ticks, sizes int64 lots, `_ns` fields
int64 nanoseconds: `event_ns` is the venue's clock, the frame header carries ours. Money is int64 in 1e-8 of
the quote currency (`_e8`). Every market and order message begins with `symbol_id` and `venue_id`: dense
numbers from the configuration's order.

A fixed array is a tuple of one type; one `bytes` field may stand last. No message may begin with all fields of
another (a record's type names its message).
"""

from trader.messages.base import Message as Message
from trader.messages.base import tag_of as tag_of
from trader.messages.market import LEVELS as LEVELS
from trader.messages.market import BestQuote as BestQuote
from trader.messages.market import BookClear as BookClear
from trader.messages.market import BookDelta as BookDelta
from trader.messages.market import BookResync as BookResync
from trader.messages.market import BookTop as BookTop
from trader.messages.market import InstrumentState as InstrumentState
from trader.messages.market import Ladder as Ladder
from trader.messages.market import MarketEvent as MarketEvent
from trader.messages.market import SignalEstimate as SignalEstimate
from trader.messages.market import TailRiskAdvice as TailRiskAdvice
from trader.messages.market import Trade as Trade
from trader.messages.market import VolatilityEstimate as VolatilityEstimate
from trader.messages.orders import AccountState as AccountState
from trader.messages.orders import CancelRequest as CancelRequest
from trader.messages.orders import ExecutionReport as ExecutionReport
from trader.messages.orders import NewOrder as NewOrder
from trader.messages.orders import OrderIntent as OrderIntent
from trader.messages.orders import OrderRefusal as OrderRefusal
from trader.messages.system import Control as Control
from trader.messages.system import Gap as Gap
from trader.messages.system import Timer as Timer
from trader.messages.system import WireIn as WireIn
from trader.messages.system import WireOut as WireOut

MESSAGES: tuple[type[Message], ...] = tuple(sorted(Message.__subclasses__(), key=tag_of))
"""Every message, in tag order."""

BOOK_DELTA = tag_of(BookDelta)
BEST_QUOTE = tag_of(BestQuote)
TRADE = tag_of(Trade)
BOOK_CLEAR = tag_of(BookClear)
BOOK_TOP = tag_of(BookTop)
MARKET_EVENT = tag_of(MarketEvent)
VOLATILITY_ESTIMATE = tag_of(VolatilityEstimate)
ORDER_INTENT = tag_of(OrderIntent)
ORDER_REFUSAL = tag_of(OrderRefusal)
NEW_ORDER = tag_of(NewOrder)
EXECUTION_REPORT = tag_of(ExecutionReport)
ACCOUNT_STATE = tag_of(AccountState)
CANCEL_REQUEST = tag_of(CancelRequest)
CONTROL = tag_of(Control)
TIMER = tag_of(Timer)
GAP = tag_of(Gap)
WIRE_IN = tag_of(WireIn)
WIRE_OUT = tag_of(WireOut)
BOOK_RESYNC = tag_of(BookResync)
INSTRUMENT_STATE = tag_of(InstrumentState)
SIGNAL_ESTIMATE = tag_of(SignalEstimate)
TAIL_RISK_ADVICE = tag_of(TailRiskAdvice)

assert [tag_of(message) for message in MESSAGES] == list(range(1, len(MESSAGES) + 1))

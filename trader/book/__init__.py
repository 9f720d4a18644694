"""Order books in int64 ticks and lots: O(1) best prices, any price range, nothing ever lost.

lanes         vector search in blocks
far           sorted levels far from the touch
ladder        one side: dense window around the best, bitmaps, far levels behind it
quote_check   the book against the venue's own best quotes
state         BOOK: both sides, INIT/SYNCING/LIVE/STALE, messages in, top of book out
measures      walk, depth, imbalance, microprice
index         a fixed table from order ids to slots
l3_state      the book order by order: its record
l3            its events, in price-time priority
l3_queries    queue positions
api, l3_api   Book and L3Book: the same for Python programs; price_levels: what both can be asked

>>> book = Book()
>>> book.snapshot(bids=[(1000, 5)], asks=[(1001, 7)])
>>> book.best_bid, book.walk("ask", 3).average_ticks
((1000, 5), 1001.0)

>>> book = L3Book()
>>> book.add("bid", 1, ticks=1000, lots=5)
>>> book.add("bid", 2, ticks=1000, lots=3)
>>> book.execute(1, lots=4)
>>> book.position(2).lots_ahead
1
"""

from trader.book.api import Book as Book
from trader.book.api import Events as Events
from trader.book.l3_api import L3Book as L3Book
from trader.book.l3_api import L3Events as L3Events
from trader.book.l3_api import QueuePosition as QueuePosition
from trader.book.price_levels import PriceLevels as PriceLevels
from trader.book.price_levels import Walk as Walk
from trader.book.state import BOOK as BOOK
from trader.book.state import BookConfig as BookConfig
from trader.book.state import ClearCause as ClearCause

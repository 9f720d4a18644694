"""The price-ladder order book: int64 ticks and lots, O(1) best prices, any price range, nothing ever lost.

far           sorted levels far from the touch
ladder        one side: dense window around the best, bitmaps, far levels behind it
quote_check   the book against the venue's own best quotes
state         BOOK: both sides, INIT/SYNCING/LIVE/STALE, messages in, top of book out
measures      walk, depth, imbalance, microprice
api           Book: the same for Python programs

>>> book = Book()
>>> book.snapshot(bids=[(1000, 5)], asks=[(1001, 7)])
>>> book.best_bid, book.walk("ask", 3).average_ticks
((1000, 5), 1001.0)
"""

from trader.book.api import Book as Book
from trader.book.api import Walk as Walk
from trader.book.state import BOOK as BOOK
from trader.book.state import BookConfig as BookConfig
from trader.book.state import ClearCause as ClearCause

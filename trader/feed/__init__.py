"""Market feed: venue frames to messages of ticks and lots; sync, gap recovery, staleness. Pure kernels.

config     FeedConfig
plan       what a session says to its venue, and by which rules it follows it
state      FEED: the session's record, its actions, its counters
recovery   a book is given up and comes back: STALE, SYNCING, requests, back-off
pending    depth updates that wait for a snapshot
sync       one symbol: buffer, snapshot, join, continuity
whole_books   books that come whole each time, ordered by their time
session    the connection: losses, timers and refused frames; actions out
outcome    actions to messages
"""

from trader.feed.config import FeedConfig as FeedConfig
from trader.feed.state import FEED as FEED
from trader.feed.state import prepare_feed as prepare_feed

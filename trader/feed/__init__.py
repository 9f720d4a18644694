"""Market feed: venue frames to messages of ticks and lots; sync, gap recovery, staleness. Pure kernels.

config     FeedConfig
state      FEED: the session's record, its actions, its counters
pending    depth updates that wait for a snapshot
sync       one symbol: buffer, snapshot, join, continuity
session    the connection: frames, replies, losses, timers in; actions out
"""

from trader.feed.config import FeedConfig as FeedConfig
from trader.feed.state import FEED as FEED
from trader.feed.state import prepare_feed as prepare_feed

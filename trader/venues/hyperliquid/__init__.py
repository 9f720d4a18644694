"""Hyperliquid: whole books every half second or so, best quotes, trades. No sequence numbers, no checksums.

facts         what decoded frames say of a recording, cold
instruments   the venue's `meta` to INSTRUMENT rows, cold
fields        keys and channels to codes
levels        arrays of {"px","sz","n"} objects to int64 pairs
market        one frame of the stream to a record
session       what a frame means for the session: each book stands for itself, ordered by its time
requests      subscriptions
"""

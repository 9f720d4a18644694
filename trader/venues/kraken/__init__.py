"""Kraken, second version of its stream: snapshot and updates, a checksum over the top 10 in each, no sequence.

facts         what decoded frames say of a recording, cold
instruments   the stream's `instrument` snapshot to INSTRUMENT rows, cold
fields        keys and channels to codes
levels        arrays of {"price":..,"qty":..} objects to int64 pairs
market        one frame of the stream to a record
trades        one trade of a frame
checksum      the CRC-32 over the top 10 levels
session       what a frame means for the session: checksum, snapshot, depth
requests      subscriptions
"""

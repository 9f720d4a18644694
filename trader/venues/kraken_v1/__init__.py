"""Kraken, first version of its stream: a snapshot and updates, checksums over the texts of the top 10, no sequence.

facts         what decoded frames say of a recording, cold
instruments   the venue's AssetPairs to INSTRUMENT rows, cold
fields        keys and channels to codes
market        one frame of the stream to a record
times         the times of a book's levels
trades        the trades of a frame
checksum      the CRC-32 over the top 10 levels
session       what a frame means for the session: checksum, snapshot, depth
requests      subscriptions
"""

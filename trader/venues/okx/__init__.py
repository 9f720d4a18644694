"""OKX: a snapshot and updates on the stream, checksums over the texts of the top 25, sequence ids since 2022.

facts         what decoded frames say of a recording, cold
instruments   the venue's `public/instruments` to INSTRUMENT rows, cold
fields        keys, channels and actions to codes
market        one frame of the stream to a record
trades        one trade of a frame
checksum      the signed CRC-32 over the top 25 levels
session       what a frame means for the session: sequence, checksum, snapshot
requests      subscriptions
"""

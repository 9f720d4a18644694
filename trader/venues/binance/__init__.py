"""Binance: USD-M futures and spot market data. The two differ in what an update id continues and in one key.

instruments   exchangeInfo to INSTRUMENT rows, cold
fields        which key of which message means what
levels        arrays of [price, size] texts to int64 pairs
market        one frame of a market stream, or one depth snapshot, to a record
session       what a frame means for the session: which sync rule, which action
requests      the texts that a client sends: stream paths, snapshot requests, and the session's plan
"""

"""Venues: what each one's bytes mean. Pure: bytes and times come in as arguments, nothing is sent from here.

json_bytes   strict JSON walking over raw bytes, with limits and named faults
decimals     exact decimal text to int64 units, eight bytes at a time
scanner      what every venue's scanner leaves behind: one record
binance/     instruments (exchangeInfo), market (streams and snapshots)
"""

"""Venues: what each one's bytes mean. Pure: bytes and times come in as arguments, nothing is sent from here.

table        the venues, one row each, and the modules that each folder has
json_bytes   strict JSON: white space, strings, values to skip, with limits and named faults
json_walk    objects and arrays, member by member
decimals     exact decimal text to int64 units, eight bytes at a time
scanner      what every venue's scanner leaves behind: one record
facts        what decoded frames say of symbols and units, cold
"""

"""Bytes and cells in shared memory: segments, atomics, rings, slots, codec, counters, journals.

Knows nothing of trading. Reads bottom-up:

    kernel     the one compile policy and its cache
    layout     byte diagrams and offsets that every other file obeys
    atomics    the one memory-order decision
    memory     raw loads, stores, copies and typed views of an address
    clock      int64 nanoseconds, through the TSC where it is invariant
    segment    create, attach, sweep shared-memory objects
    doorbell   sleep and wake across processes
    ring       frames from one producer to one or more consumers
    slot       the latest value of something
    control    one stage's command word, state and heartbeat
    cancels    one bit an order: a set that cannot overflow
    histogram  latencies: single writer, merged by the reader
    checksum   CRC-32C of bytes at an address
    codec      fixed-width msgpack derived from the message Structs
    journal    append-only record of what a stage took and sent
"""

"""A lossy consumer's look at a ring: the frame is copied out first, and then it is asked whether it still stood.

producer   intent (release fence) ... overwrites ... commit word
consumer   commit word, copy, fence, intent: what it had moved past by then is discarded
"""

from shm.atomics import fence_acquire, load_acquire, load_relaxed
from shm.kernel import copy, kernel, store_i64
from shm.layout import LENGTH_MASK, PADDING_TYPE, RING_INTENT, RING_TAIL, TYPE_SHIFT


@kernel
def poll_lossy(reader):
    """Address of a private copy of the next frame, or 0; a consumer that was lapped goes to the newest first.

    `reader`: a READER record of `shm.ring`.
    """
    while True:
        offset = reader.position & reader.mask
        frame = reader.data + offset
        word = load_acquire(frame)
        length = word & LENGTH_MASK
        # A word that was overwritten may say anything: no copy beyond the buffer or the ring's end.
        sound = word != 0 and length <= reader.capacity >> 3 and offset + length <= reader.capacity
        if sound and word >> TYPE_SHIFT != PADDING_TYPE:
            copy(reader.buffer, frame, length)
        fence_acquire()
        if load_relaxed(reader.ring + RING_INTENT) - reader.capacity > reader.position:
            reader.position = load_acquire(reader.ring + RING_TAIL)
        elif word >> TYPE_SHIFT == PADDING_TYPE:
            reader.position += length
        elif sound:
            store_i64(reader.buffer, word)
            return reader.buffer
        else:
            return 0

/* The measured loops of bench/ring_kernels.py over the C ring, and over a bare counter: the floor.

   A frame is 64 bytes, header included: four words of body that follow from its number. Times are taken with the
   clock of shm/clock.py, so that both languages pay the same for it. */

#include <time.h>

#include "ring.h"

enum { FRAME = 64, KIND = 5, TRIPS_A_SAMPLE = 4, SPINS_MAX = 50000000 };

static inline int64_t read_clock(const int64_t *clock)
{
    /* kind, base_ns, base_ticks, scale; kind 1 is the time-stamp counter. */
#if defined(__x86_64__)
    if (clock[0] == 1)
        return clock[1] + (int64_t)((__int128)((int64_t)__builtin_ia32_rdtsc() - clock[2]) * clock[3] >> 32);
#endif
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000L + at.tv_nsec;
}

static inline int put(struct writer *writer, int64_t number)
{
    char *frame = ring_claim(writer, FRAME);
    for (int64_t spins = 0; !frame; frame = ring_claim(writer, FRAME)) {
        spin_hint();
        if (++spins > SPINS_MAX)
            return 0;
    }
    int64_t *body = (int64_t *)(frame + HEADER);
    body[0] = number;
    body[1] = number + 1;
    body[2] = number + 2;
    body[3] = number + 3;
    ring_commit(writer, KIND, FRAME, 0, 0);
    return 1;
}

static inline int64_t harm(const char *frame, int64_t number)
{
    const int64_t *body = (const int64_t *)(frame + HEADER);
    return (body[0] ^ number) | (body[1] ^ (number + 1)) | (body[2] ^ (number + 2)) | (body[3] ^ (number + 3));
}

static inline char *await_frame(struct reader *reader)
{
    char *frame = ring_poll(reader);
    for (int64_t spins = 0; !frame; frame = ring_poll(reader)) {
        spin_hint();
        if (++spins > SPINS_MAX)
            return 0;
    }
    return frame;
}

/* Round trips; a sample is the mean of a few, halved, in picoseconds. How many came back unharmed. */
int64_t ping(char *there, char *back, int64_t capacity, const int64_t *clock, int64_t *samples, int64_t count)
{
    struct writer writer = open_writer(there, capacity);
    struct reader reader = open_reader(back, capacity);
    int64_t right = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t start_ns = read_clock(clock);
        for (int64_t trip = i * TRIPS_A_SAMPLE; trip < (i + 1) * TRIPS_A_SAMPLE; trip++) {
            char *frame = put(&writer, trip) ? await_frame(&reader) : 0;
            if (!frame)
                return right;
            right += !harm(frame, trip) & !ring_advance(&reader, frame);
            ring_release(&reader);
        }
        samples[i] = (read_clock(clock) - start_ns) * 1000 / (2 * TRIPS_A_SAMPLE);
    }
    return right;
}

/* Send each number back. */
void pong(char *there, char *back, int64_t capacity, int64_t count)
{
    struct reader reader = open_reader(there, capacity);
    struct writer writer = open_writer(back, capacity);
    for (int64_t i = 0; i < count * TRIPS_A_SAMPLE; i++) {
        char *frame = await_frame(&reader);
        if (!frame || !put(&writer, *(int64_t *)(frame + HEADER)))
            return;
        ring_advance(&reader, frame);
        ring_release(&reader);
    }
}

/* Send `count` frames as fast as the ring takes them. */
void pour(char *ring, int64_t capacity, int64_t count)
{
    struct writer writer = open_writer(ring, capacity);
    for (int64_t i = 0; i < count; i++)
        if (!put(&writer, i))
            return;
}

/* Take `count` frames in batches; `span` gets the time of the first and of the last. How many, 0 if one was harmed. */
int64_t drain(char *ring, int64_t capacity, int64_t count, int64_t batch, int64_t pauses, const int64_t *clock,
              int64_t *span)
{
    struct reader reader = open_reader(ring, capacity);
    int64_t wrong = 0, taken = 0, spins = 0;
    if (!await_frame(&reader))
        return 0;
    span[0] = read_clock(clock);
    while (taken < count) {
        int64_t before = taken, until = taken + batch;
        char *frame;
        while (taken < until && (frame = ring_take(&reader))) {
            wrong |= harm(frame, taken) | (((int64_t *)frame)[1] ^ taken);
            taken++;
        }
        if (taken != before) {
            ring_release(&reader);
            spins = 0;
            continue;
        }
        for (int64_t i = 0; i < pauses; i++)
            spin_hint();
        if (++spins > SPINS_MAX)
            return 0;
    }
    span[1] = read_clock(clock);
    return wrong ? 0 : taken;
}

/* The floor: a number handed back and forth in two words, 128 bytes apart. */
int64_t floor_ping(char *memory, const int64_t *clock, int64_t *samples, int64_t count)
{
    int64_t number = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t start_ns = read_clock(clock);
        for (int64_t trip = 0; trip < TRIPS_A_SAMPLE; trip++) {
            int64_t spins = 0;
            store_release(memory, ++number);
            while (load_acquire(memory + 128) != number) {
                spin_hint();
                if (++spins > SPINS_MAX)
                    return 0;
            }
        }
        samples[i] = (read_clock(clock) - start_ns) * 1000 / (2 * TRIPS_A_SAMPLE);
    }
    return number;
}

void floor_pong(char *memory, int64_t count)
{
    for (int64_t number = 1; number <= count * TRIPS_A_SAMPLE; number++) {
        int64_t spins = 0;
        while (load_acquire(memory) != number) {
            spin_hint();
            if (++spins > SPINS_MAX)
                return;
        }
        store_release(memory + 128, number);
    }
}

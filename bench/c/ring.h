/* The ring of shm/ring.py in C, as good as we can write it: what our compiled Python is measured against.

   Same memory, same frames, same two stores that change nothing (see shm/ring.py); `head`, `tail` and frames stand
   where shm/layout.py puts them. One reliable consumer, so nothing is announced and no tail is stored; both sides
   keep their place in local variables, which a compiler keeps in registers. */

#ifndef RING_H
#define RING_H

#include <stdint.h>

enum { LINE = 64, AHEAD = 512, HEADER = 32, RING_HEAD = 384, RING_DATA = 1024 };

#define PADDING 0x7FFFFFFFL
#define LENGTH_MASK 0xFFFFFFFFL

struct writer {
    char *data;
    const int64_t *head;
    int64_t capacity, mask, position, sequence, limit;
};

struct reader {
    char *data;
    int64_t *head;
    int64_t mask, position, sequence;
};

static inline int64_t load_acquire(const void *at) { return __atomic_load_n((const int64_t *)at, __ATOMIC_ACQUIRE); }
static inline int64_t load_relaxed(const void *at) { return __atomic_load_n((const int64_t *)at, __ATOMIC_RELAXED); }
static inline void store_release(void *at, int64_t value) { __atomic_store_n((int64_t *)at, value, __ATOMIC_RELEASE); }
static inline void store_relaxed(void *at, int64_t value) { __atomic_store_n((int64_t *)at, value, __ATOMIC_RELAXED); }
static inline int64_t rounded(int64_t bytes) { return (bytes + LINE - 1) & ~(int64_t)(LINE - 1); }

static inline void spin_hint(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline struct writer open_writer(char *ring, int64_t capacity)
{
    return (struct writer){ring + RING_DATA, (int64_t *)(ring + RING_HEAD), capacity, capacity - 1, 0, 0, capacity};
}

static inline struct reader open_reader(char *ring, int64_t capacity)
{
    return (struct reader){ring + RING_DATA, (int64_t *)(ring + RING_HEAD), capacity - 1, 0, 0};
}

/* Address of a frame to fill, or 0 when there is no room now. */
static inline char *ring_claim(struct writer *w, int64_t bytes)
{
    if (bytes > w->capacity >> 3)
        return 0;
    int64_t advance = rounded(bytes), offset = w->position & w->mask;
    int64_t skip = offset + advance > w->capacity ? w->capacity - offset : 0;
    int64_t end = w->position + skip + advance + LINE;
    if (end > w->limit) {
        w->limit = load_acquire(w->head) + w->capacity;
        if (end > w->limit)
            return 0;
    }
    if (skip) {
        store_relaxed(w->data, 0);
        store_release(w->data + offset, PADDING << 32 | skip);
        w->position += skip;
        return w->data;
    }
    return w->data + offset;
}

static inline void ring_commit(struct writer *w, int64_t type, int64_t bytes, int64_t origin_ns, int64_t publish_ns)
{
    char *frame = w->data + (w->position & w->mask);
    int64_t advance = rounded(bytes), *words = (int64_t *)frame;
    words[1] = w->sequence;
    words[2] = origin_ns;
    words[3] = publish_ns;
    w->position += advance;
    w->sequence += 1;
    store_relaxed(w->data + (w->position & w->mask), 0);
    store_release(frame, type << 32 | bytes);
    if (w->position + advance + LINE <= w->limit)
        store_relaxed(w->data + ((w->position + advance) & w->mask), 0);
    __builtin_prefetch(w->data + ((w->position + AHEAD) & w->mask), 1);
}

/* Address of the next frame, or 0. */
static inline char *ring_poll(struct reader *r)
{
    char *frame = r->data + (r->position & r->mask);
    int64_t word = load_acquire(frame);
    if (word >> 32 == PADDING) {
        r->position += word & LENGTH_MASK;
        frame = r->data + (r->position & r->mask);
        word = load_acquire(frame);
    }
    return word ? frame : 0;
}

static inline void own_lines(char *frame, int64_t length)
{
    store_relaxed(frame + 8, load_relaxed(frame + 8));
    for (char *line = frame + LINE; line < frame + length; line += LINE)
        store_relaxed(line, load_relaxed(line));
}

/* Step past a polled frame; how many were missed before it: 0. */
static inline int64_t ring_advance(struct reader *r, char *frame)
{
    int64_t *words = (int64_t *)frame, length = words[0] & LENGTH_MASK, sequence = words[1];
    int64_t missed = sequence - r->sequence;
    own_lines(frame, length);
    r->position += rounded(length);
    r->sequence = sequence + 1;
    return missed;
}

/* Both at once: the next frame, already stepped past, or 0. */
static inline char *ring_take(struct reader *r)
{
    char *frame = r->data + (r->position & r->mask);
    int64_t word = load_acquire(frame);
    if (word >> 32 == PADDING) {
        r->position += word & LENGTH_MASK;
        frame = r->data + (r->position & r->mask);
        word = load_acquire(frame);
    }
    if (!word)
        return 0;
    own_lines(frame, word & LENGTH_MASK);
    r->position += rounded(word & LENGTH_MASK);
    return frame;
}

static inline void ring_release(struct reader *r) { store_release(r->head, r->position); }

#endif

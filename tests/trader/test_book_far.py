"""The far store against a dict: any order of keys, splits and merges, more blocks than one group, a full store."""

import numpy as np
import pytest

from shm.kernel import address_of_array, kernel, new_record
from trader.book.far import (
    BLOCK_LEVELS,
    BLOCKS_MAX,
    FAR,
    FULL,
    LAST,
    far_clear,
    far_get,
    far_position,
    far_rank,
    far_rank_below,
    far_set,
)
from trader.book.lanes import count_below_8, count_below_64

SURELY_HELD = 4_000
NO_ROOM = -(10**9)


@kernel
def set_all(far, keys, lots):
    change = 0
    for i in range(len(keys)):
        code = far_set(far, keys[i], lots[i])
        if code == FULL:
            return NO_ROOM
        change += code
    return change


@kernel
def read_all(far, out):
    rank = far_rank(far)
    count = 0
    while rank >= 0:
        position = far_position(far, rank)
        out[count, 0] = far.keys[position]
        out[count, 1] = far.lots[position]
        count += 1
        rank = far_rank_below(far, rank)
    return count


@kernel
def below(address, key, words):
    return count_below_8(address, key) if words == 8 else count_below_64(address, key)


def levels(far):
    out = np.zeros((BLOCKS_MAX * BLOCK_LEVELS, 2), dtype=np.int64)
    return [(int(key), int(lots)) for key, lots in out[: read_all(far, out)]]


def apply(model, keys, lots):
    for key, size in zip(keys.tolist(), lots.tolist(), strict=True):
        if size:
            model[key] = size
        else:
            model.pop(key, None)


@pytest.mark.parametrize("words", [8, 64])
def test_count_below_is_the_place_in_an_ascending_block(words):
    random = np.random.default_rng(words)
    for _ in range(50):
        block = np.sort(random.integers(-300, 300, words))
        block[int(random.integers(words)) :] = LAST
        for key in (*random.integers(-310, 310, 20).tolist(), -(1 << 63), LAST):
            assert below(address_of_array(block), key, words) == int((block < key).sum())


@pytest.mark.parametrize(
    ("seed", "universe", "deletes"), [(1, 40, 0.5), (2, 3_000, 0.5), (3, 30_000, 0.3), (4, 9_000, 0.8)]
)
def test_far_store_equals_a_dict_under_random_updates(seed, universe, deletes):
    random = np.random.default_rng(seed)
    keys_known = random.choice(10**12, universe, replace=False) - 5 * 10**11
    far, model = new_record(FAR)[0], {}
    for _ in range(8):
        keys = random.choice(keys_known, 4_000)
        lots = random.integers(1, 9, 4_000) * (random.random(4_000) > deletes)
        before = len(model)
        apply(model, keys, lots)

        assert set_all(far, keys, lots) == len(model) - before
        assert levels(far) == sorted(model.items(), reverse=True)
        assert far["count"] == len(model)
        for key in keys_known[:50].tolist():
            assert far_get(far, key) == model.get(key, 0)


@pytest.mark.parametrize("direction", [1, -1])
def test_runs_that_grow_at_one_end_fill_and_empty_in_either_direction(direction):
    keys = direction * np.arange(6_000) * 64
    ones = np.ones(6_000, dtype=np.int64)
    far = new_record(FAR)[0]
    for order in (keys, keys[::-1]):
        assert set_all(far, keys, ones) == 6_000
        assert levels(far) == sorted(((int(key), 1) for key in keys), reverse=True)
        assert set_all(far, order, 0 * ones) == -6_000
        assert levels(far) == []
        assert far["block_count"] == 0


def test_a_run_of_rising_keys_is_kept_without_waste():
    far = new_record(FAR)[0]
    everything = BLOCKS_MAX * BLOCK_LEVELS

    assert set_all(far, np.arange(everything), np.ones(everything, dtype=np.int64)) == everything
    assert far_set(far, everything, 1) == FULL
    assert far_set(far, everything - 1, 7) == 0
    assert levels(far)[0] == (everything - 1, 7)


def test_what_is_said_to_fit_always_fits_however_the_levels_came():
    random = np.random.default_rng(11)
    far, model = new_record(FAR)[0], {}
    keys = random.choice(10**9, 30_000, replace=False)
    known = []
    for _ in range(12):
        adds = keys[random.integers(0, len(keys), 3_000)]
        known = list(model)
        gone = np.array(known, dtype=np.int64)[random.permutation(len(known))[: max(0, len(known) - 900)]]
        batch = np.concatenate([gone, adds])
        lots = np.concatenate([np.zeros(len(gone), dtype=np.int64), np.ones(len(adds), dtype=np.int64)])
        apply(model, batch, lots)
        assert len(model) <= SURELY_HELD
        assert set_all(far, batch, lots) != NO_ROOM
    assert levels(far) == sorted(model.items(), reverse=True)


def test_cleared_store_forgets_what_it_held():
    far = new_record(FAR)[0]
    set_all(far, np.arange(0, 50_000, 7), np.ones(len(range(0, 50_000, 7)), dtype=np.int64))
    far_clear(far)
    assert levels(far) == []
    assert far_get(far, 7) == 0
    assert far_set(far, 7, 0) == 0

    far_set(far, 14, 3)

    assert levels(far) == [(14, 3)]
    assert far_get(far, 7) == 0

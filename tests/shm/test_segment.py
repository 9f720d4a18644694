"""Segments: made whole or not at all, refused when not ours, swept when their run is dead."""

import ctypes
import os
import resource
import stat

import pytest

from shm.control import load_word, store_word
from shm.layout import SEGMENT_HEADER_BYTES, SEGMENT_MAGIC
from shm.segment import FOLDER, PREFIX, Segment, SegmentError, is_alive, new_run, runs, segment_name, sweep
from tests.shm.processes import Child

LAYOUT = 0x1234
_NEW_MOUNTS, _NEW_USERS, _PRIVATE = 0x0002_0000, 0x1000_0000, 0x4_4000
_CANNOT_MOUNT = 77


@pytest.fixture
def name() -> str:
    """A name of this process's own run."""
    return segment_name(new_run(), 1, "noun")


def make(name: str, size: int = 1000, *, generation: int = 1) -> Segment:
    """A segment of this test's layout."""
    return Segment.create(name, size, layout_hash=LAYOUT, generation=generation)


def refusal(name: str, layout_hash: int = LAYOUT) -> str:
    """Why an attach is refused."""
    with pytest.raises(SegmentError) as caught:
        Segment.attach(name, layout_hash=layout_hash)
    return str(caught.value)


def test_what_one_process_writes_another_reads_and_the_name_goes_with_unlink(name: str) -> None:
    made = make(name, generation=4)
    assert made.owner and made.address % 128 == 0 and not made.bytes_view().any()

    def other() -> int:
        segment = Segment.attach(name, layout_hash=LAYOUT)
        store_word(segment.address + 992, 55)
        return not (segment.generation == 4 and not segment.owner and segment.content_bytes == 1000)

    assert Child(other).wait() == 0
    assert load_word(made.address + 992) == 55
    made.unlink()
    made.unlink()
    made.close()
    assert not (FOLDER / name).exists()


def test_a_segment_is_for_this_user_alone_and_allocated_in_full(name: str) -> None:
    made = make(name, 1 << 20)
    status = (FOLDER / name).stat()
    made.unlink()
    made.close()

    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_size == (1 << 20) + SEGMENT_HEADER_BYTES
    assert status.st_blocks * 512 >= status.st_size


def test_a_name_is_made_once(name: str) -> None:
    made = make(name)
    with pytest.raises(SegmentError, match=f"{name}: already exists"):
        make(name)
    made.unlink()
    made.close()


def test_what_is_missing_foreign_unfinished_or_of_another_layout_is_refused_by_name(name: str) -> None:
    assert f"{name}: not found" in refusal(name)
    made = make(name)
    path = FOLDER / name
    assert "layout 1234, this program has 99" in refusal(name, 0x99)
    path.chmod(0o644)
    assert "mode 644, allowed this user and 600" in refusal(name)
    path.chmod(0o600)
    os.truncate(path, 512)
    assert "holds 512 bytes, its header says 1128" in refusal(name)
    os.truncate(path, 1128)
    magic = made._base
    store_word(magic, SEGMENT_MAGIC + 1)
    assert "unfinished or not a trader segment" in refusal(name)
    for size in (100, 0):
        os.truncate(path, size)
        assert "unfinished or not a trader segment" in refusal(name)
    made.unlink()
    made.close()


def test_a_segment_that_its_maker_was_killed_in_is_unfinished(name: str) -> None:
    (FOLDER / name).touch(mode=0o600)
    os.truncate(FOLDER / name, 4096)
    assert "unfinished" in refusal(name)
    (FOLDER / name).unlink()


def test_a_closed_segment_has_no_address_and_no_content(name: str) -> None:
    made = make(name)
    made.unlink()
    made.close()
    made.close()

    assert made.address == 0
    with pytest.raises(SegmentError, match="closed"):
        made.bytes_view()


def test_a_view_that_is_still_alive_does_not_stop_a_close(name: str) -> None:
    made = make(name)
    view = made.bytes_view()
    view[:] = 7
    made.unlink()
    made.close()

    assert view.sum() == 7000


def test_a_limit_on_memory_is_an_error_and_leaves_no_name(name: str) -> None:
    def limited() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        with pytest.raises(SegmentError, match=f"{name}: 1048704 bytes cannot be had"):
            make(name, 1 << 20)
        return (FOLDER / name).exists()

    assert Child(limited).wait() == 0


def test_a_full_dev_shm_is_an_error_at_creation_and_no_crash_later(name: str) -> None:
    def in_a_small_dev_shm() -> int:
        if not small_dev_shm(256 << 10):
            return _CANNOT_MOUNT
        kept = make(name + "a", 100 << 10)
        with pytest.raises(SegmentError, match=f"{name}b: .* cannot be had in .*: No space left"):
            make(name + "b", 200 << 10)
        kept.bytes_view()[:] = 1
        make(name + "c", 100 << 10).bytes_view()[:] = 1
        return sorted(path.name for path in FOLDER.iterdir()) != [name + "a", name + "c"]

    code = Child(in_a_small_dev_shm).wait()
    if code == _CANNOT_MOUNT:
        pytest.skip("this host lets us mount nothing")
    assert code == 0


def small_dev_shm(size: int) -> bool:
    """Give this process a /dev/shm of its own of `size` bytes; whether that was possible."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_MOUNTS) and libc.unshare(_NEW_USERS | _NEW_MOUNTS):
        return False
    if libc.mount(None, b"/", None, _PRIVATE, None):
        return False
    return libc.mount(b"tmpfs", str(FOLDER).encode(), b"tmpfs", 0, f"size={size}".encode()) == 0


def test_a_run_names_a_process_that_lives_and_is_alive_as_long_as_it() -> None:
    assert is_alive(new_run())
    assert new_run() != new_run()
    pid = os.getpid()
    assert not is_alive(f"{pid}.1.abcdef")  # the pid was given to another process since
    for odd in ("", "7", "x.y.z", "-1.-1.aa"):
        assert not is_alive(odd)


def test_leftovers_of_a_killed_run_are_swept_and_a_living_neighbours_are_not() -> None:
    ready, go = os.pipe(), os.pipe()

    def neighbour() -> None:
        run = new_run()
        for noun in ("ring", "run"):
            make(segment_name(run, 1, noun))
        os.write(ready[1], run.encode())
        os.read(go[0], 1)

    dead, living = Child(neighbour), None
    dead_run = os.read(ready[0], 100).decode()
    living = Child(neighbour)
    living_run = os.read(ready[0], 100).decode()
    dead.kill()

    gone = sweep()
    assert {segment_name(dead_run, 1, noun) for noun in ("ring", "run")} <= set(gone)
    assert sorted(runs()[living_run]) == [segment_name(living_run, 1, noun) for noun in ("ring", "run")]
    assert dead_run not in runs()
    assert sorted(sweep(living_run)) == [segment_name(living_run, 1, noun) for noun in ("ring", "run")]
    os.write(go[1], b".")
    assert living.wait() == 0
    for descriptor in (*ready, *go):
        os.close(descriptor)


def test_a_file_that_bears_no_runs_name_is_not_swept() -> None:
    path = FOLDER / f"{PREFIX}notes"
    path.touch(mode=0o600)
    gone = sweep()
    left = path.exists()
    path.unlink(missing_ok=True)

    assert left and path.name not in gone

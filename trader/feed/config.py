"""FeedConfig: how the market feed connects, recovers and gives up waiting."""

import msgspec

from trader.venues.binance.requests import SNAPSHOT_LIMITS


class FeedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[feed]: connection and recovery. All times are monotonic, in milliseconds."""

    stream_prefix: str = "/stream"
    """Path before `?streams=`; the venue of 2026 also has `/public/stream`."""
    depth_speed: str = ""
    """Which depth stream: 0ms, 100ms, 250ms, 500ms; empty: the fastest that the market has."""
    snapshot_levels: int = 1000
    """Levels a side asked for in a snapshot."""
    silence_ms_max: int = 5_000
    """A LIVE book without a depth update for this long is STALE."""
    reconnect_silence_ms_max: int = 30_000
    """A connection without any frame for this long is replaced."""
    backoff_ms_min: int = 100
    backoff_ms_max: int = 10_000
    """Waits before a repeated snapshot or connection: doubling between the two, half of it random."""
    bad_frames_max: int = 3
    bad_frames_window_ms: int = 10_000
    """This many refused frames within the window resynchronise everything."""
    seed: int = 1
    """Of the random half of the back-off."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each."""
        found = [
            f"feed.{name}: found {value}, allowed {low} to {high}"
            for name, low, high in (
                ("silence_ms_max", 100, 600_000),
                ("reconnect_silence_ms_max", 1_000, 3_600_000),
                ("backoff_ms_min", 1, 60_000),
                ("backoff_ms_max", 1, 600_000),
                ("bad_frames_max", 1, 8),
                ("bad_frames_window_ms", 100, 600_000),
                ("seed", 0, 2**62),
            )
            if not low <= (value := getattr(self, name)) <= high
        ]
        if self.snapshot_levels not in SNAPSHOT_LIMITS:
            found.append(f"feed.snapshot_levels: found {self.snapshot_levels}, allowed {SNAPSHOT_LIMITS}")
        if self.depth_speed not in ("", "0ms", "100ms", "250ms", "500ms"):
            found.append(f"feed.depth_speed: found {self.depth_speed!r}, allowed 0ms, 100ms, 250ms, 500ms")
        if self.backoff_ms_min > self.backoff_ms_max:
            found.append(f"feed.backoff_ms_min: found {self.backoff_ms_min}, allowed up to feed.backoff_ms_max")
        if not self.stream_prefix.startswith("/"):
            found.append(f"feed.stream_prefix: found {self.stream_prefix!r}, allowed a path that begins with /")
        return found

"""Numbers as people read them: spans of time and counts, short enough for a table."""


def format_span(span_ns: int) -> str:
    """Nanoseconds in five characters: 850ns, 1.2us, 45us, 120ms, 3.4s."""
    value, unit = float(span_ns), "ns"
    for larger in ("us", "ms", "s"):
        if value < 999.5:
            break
        value, unit = value / 1_000, larger
    return f"{value:.0f}{unit}" if unit == "ns" or value >= 9.95 else f"{value:.1f}{unit}"


def format_count(count: int) -> str:
    """A count in six characters: 9,999, 12.3k, 4.56M."""
    if abs(count) < 10_000:
        return f"{count:,}"
    if abs(count) < 999_950:
        return f"{count / 1e3:.1f}k"
    return f"{count / 1e6:.2f}M" if abs(count) < 99_995_000 else f"{count / 1e6:.0f}M"

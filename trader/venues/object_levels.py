"""One level of a book as an object, in any spelling: two of its keys are price and size, all others are skipped.

{"px":"105055.0","sz":"3.03622","n":5}      texts
{"price":45283.5,"qty":0.1}                 bare numbers

The careful path beside a venue's own fast one for whole sides.
"""

from shm.kernel import kernel, store_i64
from trader.compile_hints import never_inlined
from trader.venues.decimals import bare_by_digit, decimal_by_digit
from trader.venues.json_bytes import Fault, refuse, skip_value
from trader.venues.json_walk import END, first_key, next_key, open_text


@kernel
def scan_level(p, end, pair, keys, price_key, size_key, quoted, depth, scale, fault):
    """The level at `p`, stored at `pair`; `keys` is a text_table. The address after its brace, or 0."""
    never_inlined()
    seen = 0
    code, p = first_key(p, end, keys, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == price_key or code == size_key:
            unit = scale.price if code == price_key else scale.size
            if quoted:
                p = open_text(p, end, fault)
                value, p = decimal_by_digit(p, end, unit, fault) if p != 0 else (0, 0)
            else:
                value, p = bare_by_digit(p, end, unit, fault)
            store_i64(pair if code == price_key else pair + 8, value)
        else:
            p = skip_value(p, end, depth, fault)
        code, p = next_key(p, end, keys, seen, fault)
    needs = 1 << price_key | 1 << size_key
    if code == END and (seen & needs) != needs:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    return p

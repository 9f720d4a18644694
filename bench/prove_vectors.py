"""What the hot kernels that are meant to be vectors are made of, as JSON: packed and scalar arithmetic, and the widest.

Run with an empty kernel cache: numba can show only what it has compiled itself.
"""

import json
import re

from trader.volatility import ParticleFilter, Prior
from trader.volatility.advancing import advance_gaussian, advance_joint

ARITHMETIC = re.compile(r"^\s+v?(?:add|sub|mul|div|sqrt|min|max|fn?m(?:add|sub)\d+)(p|s)[sd]\s+(.*)$", re.M)
WIDTHS = {"zmm": 512, "ymm": 256, "xmm": 128}


def composition(assembly: str) -> dict[str, int]:
    """Counts of floating-point instructions: `packed`, `arithmetic` in all, and the widest in `bits`."""
    found = ARITHMETIC.findall(assembly)
    packed = [operands for kind, operands in found if kind == "p"]
    bits = max((bits for name, bits in WIDTHS.items() if any(name in operands for operands in packed)), default=0)
    return {"packed": len(packed), "arithmetic": len(found), "bits": bits}


def main() -> None:
    """Compile the filters by using them, and print what they have become."""
    for settings in ({}, {"method": "joint"}):
        ParticleFilter(prior=Prior(), **settings).update(0.5)
    entries = {"volatility (default)": advance_gaussian, "volatility (joint)": advance_joint}
    print(json.dumps({name: composition(entry.compiled._library.get_asm_str()) for name, entry in entries.items()}))


if __name__ == "__main__":
    main()

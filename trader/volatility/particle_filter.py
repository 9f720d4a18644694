"""The particle filter for Python programs, notebooks and tests: a series in, beliefs out.

    from trader.volatility import ParticleFilter

    filtered = ParticleFilter(noise="student").filter(returns)        # learns mu, phi, sigma_eta as it goes
    filtered.volatility, filtered.quantiles, filtered.log_likelihood

    known = ParticleFilter(parameters=(-1.0, 0.97, 0.2))              # fixed parameters
    known.filter(returns).log_likelihood

    live = ParticleFilter(prior=Prior(mu=(-2.0, 1.0)), forgetting=1 - 1 / 5000)
    for value in returns:
        belief = live.update(value)

The model and its sources stand in `trader.volatility.particles`. Returns have any unit; volatility is told in the
same unit, for one window. To go from returns of windows of d seconds to a second, divide by the root of d.
"""

import math
import struct
import zlib
from typing import Any, NamedTuple

import msgspec
import numpy as np

from shm.kernel import address_of_array
from trader.volatility.advancing import entry_of
from trader.volatility.observations import COUNT_MAX, RETURN_MAX, number_of, observations_of
from trader.volatility.particles import BELIEF, FILTER, LEVELS_MAX, OBSERVATION, blocks_of
from trader.volatility.settings import FilterSettings, Prior, new_memory, prepare, settings_of

_OBSERVATION = struct.Struct("=ddq")
_BELIEF = struct.Struct(f"={4 + LEVELS_MAX + 2 + 6 + 2}dq")
_H = 4 + LEVELS_MAX
_SAVED = b"trader volatility filter 3\n"

FIRST_RETURNS = 40
"""Returns that place mu where no prior was given."""

assert _OBSERVATION.size == OBSERVATION.itemsize and _BELIEF.size == BELIEF.itemsize


class Belief(NamedTuple):
    """What is believed after one window. Volatilities: exp(h / 2), in the returns' unit, for one window.

    `log_likelihood`: log of the density of this window given those before it (nats; 0 when nothing was seen).
    `pit`: where the window fell in what was predicted for it, uniform on (0, 1) if the model is right; NaN when
    nothing was seen. `quantiles`: of volatility, at the filter's levels. `log_variance`: h. `parameters`: posterior
    means of (mu, phi, sigma_eta). `zero_share`: probability of an inactive window. `moves`: so far.
    """

    log_likelihood: float
    pit: float
    volatility: float
    volatility_sd: float
    quantiles: tuple[float, ...]
    log_variance: float
    log_variance_sd: float
    parameters: tuple[float, float, float]
    parameters_sd: tuple[float, float, float]
    effective_sample_size: float
    zero_share: float
    moves: int


class Filtered:
    """Beliefs over a series of T windows, each an array with T rows; see Belief for what they say.

    `records`: the same as one structured array of dtype `trader.volatility.particles.BELIEF`.
    """

    def __init__(self, records: np.ndarray, levels: tuple[float, ...]) -> None:
        self.records = records
        self.levels = levels
        self.log_likelihoods = records["log_likelihood"]
        self.pit = records["pit"]
        self.volatility = records["volatility"]
        self.volatility_sd = records["volatility_sd"]
        self.quantiles = records["quantiles"][:, : len(levels)]
        """(T, number of levels)."""
        self.log_variance = records["log_variance"]
        self.log_variance_sd = records["log_variance_sd"]
        self.parameters = records["parameters"]
        """(T, 3): posterior means of mu, phi, sigma_eta."""
        self.parameters_sd = records["parameters_sd"]
        self.effective_sample_size = records["effective_sample_size"]
        self.zero_share = records["zero_share"]
        self.moves = records["moves"]

    @property
    def log_likelihood(self) -> float:
        """Sum of the windows' log-likelihoods, nats: with learned parameters the log-evidence."""
        return float(self.log_likelihoods.sum())

    def __len__(self) -> int:
        return len(self.records)


class ParticleFilter:
    """A stochastic-volatility filter that goes on from where it is: `update` and `filter` may be mixed.

    Takes the fields of FilterSettings as keywords, which also documents them. Deterministic for a seed on one kind
    of CPU; other instruction sets round differently. Not for several threads at once.
    """

    def __init__(self, **settings: Any) -> None:
        """Raises ValueError for values out of range, TypeError for names that no setting has."""
        self.settings = settings_of(settings)
        self._waits_for_returns = self.settings.parameters is None and "prior" not in settings
        self.memory = new_memory(self.settings.block_count)
        self._bind()
        if not self._waits_for_returns:
            prepare(self.memory, self.settings)

    def _bind(self) -> None:
        self._observation = np.zeros(1, dtype=OBSERVATION)
        self._belief = np.zeros(1, dtype=BELIEF)
        self._advance = entry_of(*self.settings.codes).compiled.ctypes
        self._address = address_of_array(self.memory)
        addresses = address_of_array(self._observation), 1, address_of_array(self._belief), 0
        self._one = (self._address, *addresses)
        self._write = self._observation.data.cast("B")
        self._read = self._belief.data.cast("B")
        self._levels_end = 4 + len(self.settings.quantiles)

    @property
    def header(self) -> np.void:
        """Settings and sums as the kernels see them, dtype `trader.volatility.particles.FILTER`."""
        return self.memory[: FILTER.itemsize].view(FILTER)[0]

    @property
    def particles(self) -> np.ndarray:
        """The blocks of particles, dtype `trader.volatility.particles.BLOCK`."""
        return blocks_of(self.memory)

    def filter(self, returns: Any = None, *, squared: Any = None, counts: Any = None) -> Filtered:
        """Take in a series of windows.

        Either `returns`, one a window (shape (T,), NaN: nothing was seen), or realised variances: `squared`, each
        window's sum of squared returns, and `counts`, how many returns that were (0: nothing was seen).

        Without a prior and without parameters, mu is placed by the first forty windows of the first series.
        Masked values were not seen. Raises ValueError for another shape, for what is no number, infinite returns,
        negative sums or counts.
        """
        observations = observations_of(returns, squared, counts)
        if self._waits_for_returns and len(observations):
            self._start_from(observations[:FIRST_RETURNS])
        records = np.zeros(len(observations), dtype=BELIEF)
        self._advance(self._address, address_of_array(observations), len(observations), address_of_array(records), 0)
        return Filtered(records, self.settings.quantiles)

    def update(self, value: float) -> Belief:
        """Take in one window's return; NaN or masked: nothing was seen. Raises ValueError for what is no return."""
        value = math.nan if value is np.ma.masked else number_of("return", value)
        if value != value:
            return self._take(math.nan, 0.0, 0)
        if not -RETURN_MAX <= value <= RETURN_MAX:
            raise ValueError(f"return: found {value}, allowed NaN, or sizes up to {RETURN_MAX:g}")
        return self._take(value, value * value, 1)

    def update_window(self, squared: float, count: int) -> Belief:
        """Take in one window's sum of squared returns, and of how many (0: nothing was seen, whatever the sum).

        Raises ValueError for negative or infinite ones, and for a count that is not whole.
        """
        found, number = number_of("count", count), number_of("squared", squared)
        if not (0 <= found <= COUNT_MAX and found == int(found)):
            raise ValueError(f"count: found {count}, allowed whole numbers from 0 to {COUNT_MAX}")
        if found == 0:
            number = 0.0
        if not 0.0 <= number <= RETURN_MAX**2:
            raise ValueError(f"squared: found {squared}, allowed 0 to {RETURN_MAX**2:g}")
        return self._take(math.nan, number, int(found))

    def _take(self, value: float, squared: float, count: int) -> Belief:
        _OBSERVATION.pack_into(self._write, 0, value, squared, count)
        if self._waits_for_returns:
            self._start_from(self._observation)
        self._advance(*self._one)
        row = _BELIEF.unpack_from(self._read)
        scores, mean, sd, counts = row[:4], row[_H + 2 : _H + 5], row[_H + 5 : _H + 8], row[_H + 8 :]
        return Belief._make((*scores, row[4 : self._levels_end], row[_H], row[_H + 1], mean, sd, *counts))

    def _start_from(self, observations: np.ndarray) -> None:
        """Place mu, where no prior was given, by some first windows; those without returns do not count."""
        seen = observations[observations["count"] > 0]
        if len(seen):
            prior = Prior.of_returns(np.sqrt(seen["squared"] / seen["count"]))
            self.settings = msgspec.structs.replace(self.settings, prior=prior)
            self._waits_for_returns = False
        self.memory[:] = 0
        prepare(self.memory, self.settings)

    def save(self) -> bytes:
        """Everything the filter is, for `restore`: settings and memory."""
        described = msgspec.json.encode((self.settings, self._waits_for_returns))
        body = b"".join((_SAVED, len(described).to_bytes(8, "little"), described, self.memory.tobytes()))
        return body + zlib.crc32(body).to_bytes(4, "little")

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        """Copies and pickles are made as by `save` and `restore`."""
        return ParticleFilter.restore, (self.save(),)

    @classmethod
    def restore(cls, saved: bytes) -> "ParticleFilter":
        """The filter that was saved, which goes on bit for bit. Raises ValueError for anything else."""
        at = len(_SAVED) + 8
        if saved[: len(_SAVED)] != _SAVED:
            raise ValueError("saved filter: found something else, allowed what ParticleFilter.save gave")
        if len(saved) < at + 4 or zlib.crc32(saved[:-4]) != int.from_bytes(saved[-4:], "little"):
            raise ValueError(f"saved filter: found {len(saved)} bytes whose checksum differs, allowed an undamaged one")
        end = at + int.from_bytes(saved[len(_SAVED) : at], "little")
        settings, waits = msgspec.json.decode(saved[at:end], type=tuple[FilterSettings, bool])
        self = cls.__new__(cls)
        self.settings, self._waits_for_returns = settings, waits
        self.memory = new_memory(settings.block_count)
        if len(saved) - 4 - end != len(self.memory):
            raise ValueError(f"saved filter: found {len(saved) - 4 - end} bytes of memory, allowed {len(self.memory)}")
        self.memory[:] = np.frombuffer(saved, np.uint8, len(self.memory), end)
        self._bind()
        return self

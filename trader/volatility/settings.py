"""Settings of a particle filter, their ranges, and how they become a filter's memory."""

import math
import re
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal

import msgspec
import numpy as np

from shm.kernel import address_of_array
from trader.volatility.advancing import begin_filter
from trader.volatility.kernel_moves import ATANH_PHI_MAX, ATANH_PHI_MIN, LOG_SIGMA_MAX, LOG_SIGMA_MIN
from trader.volatility.particles import (
    FILTER,
    LEVELS_MAX,
    Method,
    Noise,
    Zeros,
    block_count_of,
    blocks_of,
    memory_bytes,
)

PARTICLES_MAX = 1 << 22
ALIGNMENT = 128
MU_MAX = 60.0
"""Of log variances: returns from 1e-13 to 1e13, with room for float32 to square them."""


class Prior(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Independent normals, each (mean, deviation), of the learned parameters' coordinates at the first window.

    The defaults suit daily returns and are wide. For windows of 150 ms: atanh_phi (3.3, 0.5), log_sigma (-3.2, 0.5).
    """

    mu: tuple[float, float] = (0.0, 1.0)
    """Long-run mean of the log variance of one return, in log of the returns' unit squared."""
    atanh_phi: tuple[float, float] = (2.2, 0.6)
    """phi = tanh of it: 2.2 is 0.976."""
    log_sigma: tuple[float, float] = (-2.0, 0.6)
    """Natural logarithm of sigma_eta: -2 is 0.135."""

    @classmethod
    def of_returns(cls, returns: np.ndarray) -> "Prior":
        """The defaults, with mu around the log mean square of some first returns (NaN: missing; all zero: 1e-8)."""
        squares = np.square(returns[np.isfinite(returns)])
        mean = float(squares.mean()) if len(squares) else 1.0
        centre = min(max(math.log(mean or 1e-8), -MU_MAX), MU_MAX)
        return cls(mu=(centre, 1.0 if len(squares) >= 10 else 2.0))

    def problems(self) -> list[str]:
        """What is out of range, one line each."""
        rules = (("mu", -MU_MAX, MU_MAX), ("atanh_phi", ATANH_PHI_MIN, ATANH_PHI_MAX))
        found = []
        for name, low, high in (*rules, ("log_sigma", LOG_SIGMA_MIN, LOG_SIGMA_MAX)):
            mean, sd = getattr(self, name)
            if not low <= mean <= high:
                found.append(f"prior.{name}: found mean {mean}, allowed {low} to {high}")
            if not 1e-4 <= sd <= 100:
                found.append(f"prior.{name}: found deviation {sd}, allowed 0.0001 to 100")
        return found


class FilterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a filter is. Returns and ticks have one unit, the caller's; time is counted in windows."""

    method: Literal["particle", "joint"] = "particle"
    """particle: h is integrated out, particles learn the parameters. joint: particles of h and parameters."""
    particle_count: int = 7_000
    """Rounded up to whole blocks of 128. With fixed `parameters` method "particle" needs a single one."""
    parameters: tuple[float, float, float] | None = None
    """(mu, phi, sigma_eta), known and fixed; None: learned from `prior` on."""
    prior: Prior = Prior()
    noise: Literal["gaussian", "student"] = "gaussian"
    degrees_of_freedom: float = 5.0
    """Of Student-t noise, whose scale (not deviation) is exp(h / 2)."""
    forgetting: float = 1.0
    """Weight that a window's information about the parameters keeps from one window to the next; 1: all of it.

    1 - 1/5000 remembers some 5,000 windows. Windows in which nothing was seen do not count.
    """
    sd_floors: tuple[float, float, float] = (0.05, 0.05, 0.05)
    """Posterior deviations of mu, atanh phi, log sigma_eta are not let below these while `forgetting` is under 1."""
    shrinkage: float = 0.9
    """Liu and West's delta, whose custom is 0.95 to 0.99.

    Particles move seldom here, so each move may renew much: with 0.98 a posterior that data carry off by several
    deviations, as the index's in 2011 to 2018, is descended from a few particles and half as wide as it should be.
    """
    zeros: Literal["density", "interval", "inactive"] = "density"
    """What an exact zero says, see `trader.volatility.particles.Zeros`; "interval" needs `tick`."""
    tick: float = 0.0
    """The step between possible returns; 0: continuous."""
    zero_half_life: float = 500.0
    """Windows after which one counts half in the share of inactive ones."""
    quantiles: tuple[float, ...] = (0.05, 0.95)
    """Levels at which volatility's distribution is told."""
    seed: int = 1

    def problems(self) -> list[str]:
        """Everything that is out of its range, one line each; empty when all is well."""
        rules = (
            ("particle_count", 1, PARTICLES_MAX),
            ("degrees_of_freedom", 1.0, 1e4),
            ("forgetting", 0.5, 1.0),
            ("shrinkage", 0.5, 0.9999),
            ("tick", 0.0, 1e12),
            ("zero_half_life", 1.0, 1e12),
            ("seed", 0, (1 << 63) - 1),
        )
        found = [
            f"{name}: found {getattr(self, name)}, allowed {low} to {high}"
            for name, low, high in rules
            if not low <= getattr(self, name) <= high
        ]
        found += [f"sd_floors: found {floor}, allowed 0 to 10" for floor in self.sd_floors if not 0 <= floor <= 10]
        if not 1 <= len(self.quantiles) <= LEVELS_MAX:
            found.append(f"quantiles: found {len(self.quantiles)} levels, allowed 1 to {LEVELS_MAX}")
        found += [
            f"quantiles: found {level}, allowed above 0 to below 1" for level in self.quantiles if not 0 < level < 1
        ]
        if self.zeros == "interval" and not self.tick > 0:
            found.append(f"tick: found {self.tick}, allowed above 0 where zeros are intervals")
        return found + (self.prior.problems() if self.parameters is None else self._parameter_problems())

    def _parameter_problems(self) -> list[str]:
        mu, phi, sigma = self.parameters or (0.0, 0.0, 1.0)
        rules = (("mu", mu, -MU_MAX, MU_MAX), ("phi", phi, -0.99999, 0.99999), ("sigma_eta", sigma, 1e-6, 20.0))
        return [
            f"parameters: found {name} {value}, allowed {low} to {high}"
            for name, value, low, high in rules
            if not low <= value <= high
        ]

    @property
    def block_count(self) -> int:
        """Blocks of particles."""
        alone = self.method == "particle" and self.parameters is not None
        return block_count_of(1 if alone else self.particle_count)

    @property
    def codes(self) -> tuple[Method, Noise, Zeros]:
        """Method, noise and zeros as the kernels know them."""
        return Method[self.method.upper()], Noise[self.noise.upper()], Zeros[self.zeros.upper()]


_FORMS = {
    "method": "particle, joint",
    "noise": "gaussian, student",
    "zeros": "density, interval, inactive",
    "particle_count": "a whole number",
    "seed": "a whole number",
    "parameters": "None, or three numbers: mu, phi, sigma_eta",
    "prior": "a Prior",
    "sd_floors": "three numbers",
    "quantiles": "a few numbers",
}


def settings_of(given: Mapping[str, Any]) -> FilterSettings:
    """Checked settings of keywords; numpy's numbers and arrays are taken as Python's.

    Raises TypeError for names that no setting has, ValueError for values of another type or out of range.
    """
    unknown = [name for name in given if name not in FilterSettings.__struct_fields__]
    if unknown:
        raise TypeError(f"'{unknown[0]}': found no such setting, allowed {', '.join(FilterSettings.__struct_fields__)}")
    plain = {
        name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value for name, value in given.items()
    }
    for name in ("parameters", "quantiles", "sd_floors"):
        if isinstance(plain.get(name), list | tuple):
            plain[name] = [value.item() if isinstance(value, np.generic) else value for value in plain[name]]
    try:
        settings = msgspec.convert(plain, FilterSettings)
    except msgspec.ValidationError as error:
        name = re.split(r"\W", str(error).partition(" - at `$.")[2])[0]
        raise ValueError(f"{name}: found {given.get(name)!r}, allowed {_FORMS.get(name, 'a number')}") from None
    problems = settings.problems()
    if problems:
        raise ValueError("; ".join(problems))
    return settings


def new_memory(block_count: int) -> np.ndarray:
    """Zeroed, aligned memory for a filter."""
    size = memory_bytes(block_count)
    raw = np.zeros(size + ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % ALIGNMENT
    return raw[offset : offset + size]


def prepare(memory: np.ndarray, settings: FilterSettings) -> None:
    """Set up a filter in zeroed memory (cold). Raises ValueError for settings out of range."""
    problems = settings.problems()
    if problems:
        raise ValueError("; ".join(problems))
    header = memory[: FILTER.itemsize].view(FILTER)[0]
    header["method"], header["noise"], header["zeros"] = settings.codes
    header["block_count"] = settings.block_count
    header["learning"] = settings.parameters is None
    header["seed"] = settings.seed
    header["half_tick"] = 0.5 * settings.tick
    header["zero_forgetting"] = 0.5 ** (1.0 / settings.zero_half_life)
    for name in ("degrees_of_freedom", "forgetting", "shrinkage"):
        header[name] = getattr(settings, name)
    header["sd_floors"] = settings.sd_floors if settings.forgetting < 1 else 0.0
    count = len(settings.quantiles)
    header["level_count"] = count
    header["levels"][:count] = settings.quantiles
    header["level_scores"][:count] = [NormalDist().inv_cdf(level) for level in settings.quantiles]
    if settings.parameters is None:
        _set_prior(header, settings.prior)
    else:
        _set_parameters(header, blocks_of(memory), settings.parameters)
    begin_filter.compiled.ctypes(address_of_array(memory), int(settings.parameters is None), 0, 0, 0)


def _set_prior(header: np.void, prior: Prior) -> None:
    mean, sd = np.transpose([prior.mu, prior.atanh_phi, prior.log_sigma])
    header["prior_mean"] = header["wanted_mean"] = mean
    header["prior_precision"] = 1 / sd**2
    header["wanted_covariance"] = np.diag(sd**2)
    header["parameters"] = mean[0], math.tanh(mean[1]), math.exp(mean[2])
    header["centre"] = mean[0]


def _set_parameters(header: np.void, blocks: np.ndarray, parameters: tuple[float, float, float]) -> None:
    mu, phi, sigma = parameters
    blocks["mu"], blocks["phi"], blocks["sigma"] = mu, phi, sigma
    blocks["atanh_phi"], blocks["log_sigma"] = math.atanh(phi), math.log(sigma)
    header["parameters"] = parameters
    header["centre"] = mu

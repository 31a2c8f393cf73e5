"""The master calibrations of a set of exposures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from ..exceptions import CalibrationError, CalibrationWarning
from ._frames import variance_of

__all__ = ["Calibrations"]

_FLAT_LEVELS = 0.5, 2.0
"""Between these is the level of every flat that was divided by some mean of its own."""


@dataclass(frozen=True, eq=False)
class Calibrations:
    """Master calibrations, any of which may be missing.

    Parameters
    ----------
    bad_pixels : `~numpy.ndarray` of bool, optional
        Bad-pixel mask, shape (ny, nx); True where a pixel must not be used.
    dark : `~astropy.nddata.CCDData`, optional
        Dark signal, in ADU per second.
    flat : `~astropy.nddata.CCDData`, optional
        Response of the pixels, around 1. Values that are not positive and
        finite mark bad pixels.
    inputs : tuple of tuple of str, optional
        (kind, name, sha256) of the files, where ``kind`` is the name of the
        parameter. They name the calibrations in messages.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.calibration import Calibrations
    >>> flat = CCDData(np.ones((64, 64)), unit="")
    >>> calibrations = Calibrations(flat=flat, inputs=(("flat", "flat_J.fits", "0a1b"),))
    >>> calibrations.name_of("flat")
    'flat flat_J.fits'
    >>> calibrations.require_shape((64, 64))
    >>> calibrations.work_out()  # once, before many exposures are calibrated at a time
    >>> calibrations.check((32, 32), "e1.fits")
    Traceback (most recent call last):
        ...
    emirimg.exceptions.CalibrationError: flat flat_J.fits has the shape (64, 64), but ...
    """

    bad_pixels: NDArray[np.bool_] | None = None
    dark: CCDData | None = None
    flat: CCDData | None = None
    inputs: tuple[tuple[str, str, str], ...] = ()

    def check(self, shape: tuple[int, int], name: str = "the exposures") -> None:
        """Refuse calibrations that do not fit exposures of some shape.

        Parameters
        ----------
        shape : tuple of int
            Shape (ny, nx) of the exposures.
        name : str, optional
            What to call the exposures in a message.

        Raises
        ------
        CalibrationError
            If the shape of a calibration is another one.

        Warns
        -----
        CalibrationWarning
            If there is no flat, or no bad-pixel mask, or the flat is not one:
            its level is far from 1.
        """
        self.require_shape(shape, name)
        for kind, lost in (("flat", "the response of the pixels"), ("bad_pixels", "bad pixels")):
            if getattr(self, kind) is None:
                msg = f"no {WORDS[kind]} was given for {name}: {lost} will not be corrected"
                warnings.warn(msg, CalibrationWarning, stacklevel=2)
        if self.flat_fault:
            msg = f"{self.name_of('flat')}: {self.flat_fault}; so fluxes and noise will be wrong"
            warnings.warn(msg, CalibrationWarning, stacklevel=2)

    def require_shape(self, shape: tuple[int, int], name: str = "the exposure") -> None:
        """Refuse calibrations of another shape, as `check` does, without a warning."""
        for kind in ("bad_pixels", "dark", "flat"):
            plane = getattr(self, kind)
            if plane is not None and plane.shape != shape:
                msg = (
                    f"{self.name_of(kind)} has the shape {plane.shape}, but {name} has {shape}:"
                    " a calibration must come from the same detector and read-out window"
                )
                raise CalibrationError(msg)

    def name_of(self, kind: str) -> str:
        """Return what to call the calibration: its file, where that is known."""
        names = {key: f"{WORDS[key]} {name}" for key, name, _ in self.inputs if key in WORDS}
        return names.get(kind, f"the {WORDS[kind]}")

    @cached_property
    def flat_fault(self) -> str | None:
        """What is wrong with the level of the flat; None if nothing is, or without a flat."""
        if self.flat is None:
            return None
        few = self.flat.data[::4, ::4]
        usable = few[few > 0]
        level = float(np.median(usable)) if usable.size else 0.0
        low, high = _FLAT_LEVELS
        if low < level < high:
            return None
        return f"the level of the flat is {level:.4g}, but should be about 1"

    def work_out(self) -> None:
        """Work out now what `calibrate` needs of them, for all exposures together."""
        for name in (
            "unusable", "dark_rate", "dark_variance", "response", "inverse_flat", "flat_variance",
        ):  # fmt: skip
            getattr(self, name)

    @cached_property
    def unusable(self) -> NDArray[np.bool_] | None:
        """Pixels that one of the calibrations makes unusable, shape (ny, nx)."""
        bad: list[NDArray[np.bool_]] = []
        if self.bad_pixels is not None:
            bad.append(np.asarray(self.bad_pixels, dtype=bool))
        if self.dark is not None:
            bad.append(_masked(self.dark) | ~np.isfinite(self.dark.data))
        if self.flat is not None:
            bad.append(_masked(self.flat) | (self.inverse_flat == 0))
        return np.logical_or.reduce(bad) if bad else None

    @cached_property
    def dark_rate(self) -> NDArray[np.float32] | None:
        """Dark signal in ADU per second; 0 where it is not known."""
        if self.dark is None:
            return None
        rate = np.asarray(self.dark.data, dtype=np.float32)
        finite = np.isfinite(rate)
        return rate if finite.all() else np.where(finite, rate, np.float32(0))

    @cached_property
    def dark_variance(self) -> NDArray[np.float32] | None:
        """Variance of the dark signal, where it is known."""
        return None if self.dark is None else _finite(variance_of(self.dark))

    @cached_property
    def response(self) -> NDArray[np.float32] | None:
        """The flat in single precision."""
        return None if self.flat is None else np.asarray(self.flat.data, dtype=np.float32)

    @cached_property
    def inverse_flat(self) -> NDArray[np.float32] | None:
        """One divided by the flat; 0 where the flat is not positive and finite."""
        flat = self.response
        if flat is None:
            return None
        usable = np.isfinite(flat) & (flat > 0)
        inverse = np.zeros_like(flat)
        np.divide(np.float32(1), flat, out=inverse, where=usable)
        return inverse

    @cached_property
    def flat_variance(self) -> NDArray[np.float32] | None:
        """Variance of the flat relative to its square, where it is known."""
        if self.flat is None:
            return None
        variance = _finite(variance_of(self.flat))
        inverse = self.inverse_flat
        return None if variance is None or inverse is None else variance * inverse**2


WORDS = {"bad_pixels": "bad-pixel mask", "dark": "dark", "flat": "flat"}
"""What to call the kinds of calibrations."""


def _masked(plane: CCDData) -> NDArray[np.bool_] | bool:
    return False if plane.mask is None else np.asarray(plane.mask, dtype=bool)


def _finite(variance: NDArray | None) -> NDArray[np.float32] | None:
    if variance is None:
        return None
    return np.where(np.isfinite(variance), variance, 0).astype(np.float32)

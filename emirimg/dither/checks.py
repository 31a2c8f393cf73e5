"""Refuse what must not be combined, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray

from .._words import counted
from ..exceptions import MixedExposuresError, UnusableExposureError
from ..instrument import ExposureMetadata

__all__ = ["require_alike", "require_contrast"]

_STRIDE = 64
"""Step between the rows, and the columns, that are looked at first."""


def require_alike(
    metadata: Sequence[ExposureMetadata],
    names: Sequence[str],
    beside: NDArray[np.bool_] | None = None,
) -> None:
    """Check that exposures may be combined.

    Parameters
    ----------
    metadata : sequence of ExposureMetadata
        Headers of the exposures.
    names : sequence of str
        Their names.
    beside : `~numpy.ndarray` of bool, optional
        Exposures of the sky beside the target, whose OBJECT may differ.

    Raises
    ------
    MixedExposuresError
        If they differ in object, filter, grism, exposure time (by more than
        1 %), read mode or detector. The message lists what was found.
    """
    problems = []
    for what, value in _PROPERTIES.items():
        found: dict[str, list[str]] = {}
        for number, (item, name) in enumerate(zip(metadata, names, strict=True)):
            if what is _OBJECT and beside is not None and beside[number]:
                continue
            found.setdefault(value(item), []).append(name)
        if len(found) > 1:
            listed = "; ".join(
                f"{text or '(none)'} in {counted(len(files), 'exposure')}, first {files[0]}"
                for text, files in found.items()
            )
            problems.append(f"  {what}: {listed}")
    if problems:
        msg = "these exposures must not be combined, they differ in\n" + "\n".join(problems)
        raise MixedExposuresError(msg)


_OBJECT = "object (OBJECT)"
_PROPERTIES = {
    _OBJECT: lambda item: item.object_name,
    "filter (FILTER)": lambda item: item.filter_name,
    "grism (GRISM)": lambda item: item.grism,
    # Two significant digits hide the jitter of the clock, not another time.
    "exposure time (EXPTIME)": lambda item: f"{item.exposure_time.to_value('s'):.2g} s",
    "read mode (READMODE)": lambda item: item.read_mode,
    "detector (INSCONF, DATE-OBS)": lambda item: item.detector.name,
}


def require_contrast(frame: CCDData, name: str) -> None:
    """Refuse a raw exposure all of whose finite pixels have the same value.

    Parameters
    ----------
    frame : `~astropy.nddata.CCDData`
        Raw exposure.
    name : str
        What to call it in an error.

    Raises
    ------
    UnusableExposureError
        If it shows nothing.
    """
    # A few pixels tell it of almost every exposure.
    for part in (frame.data[::_STRIDE, ::_STRIDE], frame.data):
        finite = part[np.isfinite(part)]
        if finite.size == 0 or finite.min() < finite.max():
            return
    msg = f"{name}: all pixels have the same value, {finite[0]:g}; a sky was expected"
    raise UnusableExposureError(msg)

"""What the looks at the pixels of a group of exposures mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...instrument import Detector
from ..checks import LEAST_LEVEL
from .findings import ExposureLook, Finding, Severity
from .pixels import PixelLook

__all__ = ["check_looks"]

_MOST_SATURATED, _MOST_NOT_FINITE = 0.01, 0.05
"""Parts of the pixels above which there is a warning."""
_NOT_USABLE = 0.99
"""The same for an exposure that is of no use."""
_NEAR_SATURATION = 0.8
"""Part of the saturation level that a sky must not reach."""
_OTHER_SKY, _OTHER_SEEING = 1.5, 1.5
"""Factors by which an exposure differs from a typical one to be named."""


def check_looks(
    looks: Sequence[PixelLook], exposures: Sequence[ExposureLook], detector: Detector
) -> Iterator[Finding]:
    """Judge what the pixels of the exposures of a group show.

    Parameters
    ----------
    looks : sequence of PixelLook
        The exposures, in order of time.
    exposures : sequence of ExposureLook
        The same.
    detector : Detector
        The detector that took them.

    Yields
    ------
    Finding

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> from emirimg.dither import check_looks, look_at_pixels
    >>> from emirimg.instrument import HAWAII2
    >>> looks = [look_at_pixels(scene.exposure(index), HAWAII2) for index in range(2)]
    >>> [one.topic for one in check_looks(looks, check.groups[0].exposures, HAWAII2)]
    []
    """
    levels = np.array([look.level for look in looks])
    typical = float(np.nanmedian(levels)) if np.isfinite(levels).any() else np.nan
    n_usable = 0
    for look, exposure in zip(looks, exposures, strict=True):
        name = (exposure.name,)
        useless = _why_useless(look, typical, detector)
        if useless:
            yield Finding(Severity.WARNING, "pixels", f"{useless}: it would be left out", name)
            continue
        n_usable += 1
        yield from _check_look(look, name, typical, detector)
    if n_usable == 0:
        yield Finding(Severity.ERROR, "pixels", "no exposure is usable")
    yield from _check_duplicates(looks, exposures)
    yield from _check_seeing(exposures)


def _why_useless(look: PixelLook, typical: float, detector: Detector) -> str:
    """Say why the reduction leaves an exposure out, or nothing."""
    if not np.isfinite(look.level) or look.not_finite > _NOT_USABLE:
        return "no pixel is finite"
    if look.saturated > _NOT_USABLE:
        return f"all pixels are saturated ({detector.saturation:g} ADU)"
    if typical > 0 and look.level < LEAST_LEVEL * typical:
        return f"the sky level is {look.level:.3g} ADU, that of the others {typical:.4g}"
    if look.is_constant:
        return f"all pixels have the same value, {look.level:g}"
    return ""


def _check_look(
    look: PixelLook, name: tuple[str, ...], typical: float, detector: Detector
) -> Iterator[Finding]:
    if look.not_finite > _MOST_NOT_FINITE:
        text = f"{100 * look.not_finite:.0f} % of the pixels are not finite"
        yield Finding(Severity.WARNING, "pixels", text, name)
    if look.saturated > _MOST_SATURATED:
        text = f"{100 * look.saturated:.0f} % of the pixels are saturated"
        yield Finding(Severity.WARNING, "saturation", text, name)
    elif look.level > _NEAR_SATURATION * detector.saturation:
        text = f"the sky ({look.level:.0f} ADU) is near to saturation ({detector.saturation:g})"
        yield Finding(Severity.WARNING, "saturation", text, name)
    if typical > 0 and not 1 / _OTHER_SKY < look.level / typical < _OTHER_SKY:
        text = f"the sky level is {look.level / typical:.2f} times that of the others"
        yield Finding(Severity.WARNING, "sky", text, name)
    for word, numbers in (("quadrant", look.bad_quadrants), ("channel", look.bad_channels)):
        if numbers:
            text = f"{word} {', '.join(map(str, numbers))} (counted from 1): dead or wrong"
            yield Finding(Severity.WARNING, "channels", text, name)


def _check_duplicates(
    looks: Sequence[PixelLook], exposures: Sequence[ExposureLook]
) -> Iterator[Finding]:
    alike: dict[str, list[str]] = {}
    for look, exposure in zip(looks, exposures, strict=True):
        if not look.is_constant and look.not_finite < 1:
            alike.setdefault(look.digest, []).append(exposure.name)
    for names in alike.values():
        if len(names) > 1:
            text = "the same pixels: one exposure would count as several"
            yield Finding(Severity.WARNING, "duplicates", text, tuple(names))


def _check_seeing(exposures: Sequence[ExposureLook]) -> Iterator[Finding]:
    seeing = np.array([exposure.seeing for exposure in exposures])
    known = np.isfinite(seeing)
    if not known.any():
        text = "no stars were seen: the exposures might have to be placed by their headers"
        yield Finding(Severity.WARNING, "seeing", text)
        return
    typical = float(np.median(seeing[known]))
    for exposure in exposures:
        if exposure.seeing > _OTHER_SEEING * typical:
            text = f"the seeing is {exposure.seeing:.1f} arcsec, that of the others {typical:.1f}"
            yield Finding(Severity.WARNING, "seeing", text, (exposure.name,))

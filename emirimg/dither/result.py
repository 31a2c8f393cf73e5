"""What a reduction found out, frame by frame and as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Column, Table
from astropy.time import Time
from numpy.typing import NDArray

from .._html import html_table
from ..alignment import Alignment
from ..combine import Mosaic
from ..io.results import write_mosaic
from ..objects import MosaicQuality, ObjectMask

__all__ = ["DitherResult", "FrameRecord"]

_IMAGES = ("before", "after")
_UNITS = {
    "shift": u.pix, "residual": u.arcsec, "sky_level": u.adu, "fwhm": u.arcsec,
    "noise": u.adu, "own_background": u.adu,
}  # fmt: skip


@dataclass(frozen=True)
class FrameRecord:
    """What is known of one exposure after the reduction.

    Attributes
    ----------
    name : str
        Its file's name.
    start : `~astropy.time.Time`
        Start of the exposure.
    shift : tuple of float
        Correction (x, y) of the header's pointing, in pixels.
    residual : `~astropy.units.Quantity`
        rms distance of its stars from the ensemble, per axis.
    n_matched : int
        Stars used for its alignment.
    method : str
        How it was aligned.
    sky_level : float
        Median sky, in ADU.
    transparency : float
        Flux of its stars relative to the clearest frame.
    fwhm : `~astropy.units.Quantity`
        Seeing.
    ellipticity : float
        1 - b/a of its stars.
    noise : float
        Noise of a sky pixel, in ADU.
    bad_fraction, rejected_fraction : float
        Fraction of its pixels masked before the combination, and rejected in it.
    weight : float
        Its weight relative to the best frame.
    own_background : float
        rms, in ADU, of the background that only this frame has (false
        quadrants, channels, stripes, gradients), and that was removed from it.
    trails, persistent : int
        Number of trails, and of stars of earlier exposures that persist in it;
        both are masked.
    bad_pixels, saturated_pixels, hidden_pixels, flagged_pixels : int
        Pixels masked because the master mask says so, because they are saturated
        (or beside such a pixel) or no number, because the stack shows that they are
        bad, and because they differ from the mosaic (cosmic rays, trails,
        persistence).
    before, after : `~numpy.ndarray` or None
        The exposure before and after the subtraction of the sky, averaged in
        blocks so that its sides are about 128 pixels; NaN where all is masked.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> record = result.frames[0]
    >>> record.method, record.start.iso[:16]
    ('stars', '2018-12-17 23:57')
    >>> sorted(record.to_dict())[:3]
    ['bad_fraction', 'bad_pixels', 'ellipticity']
    """

    name: str
    start: Time
    shift: tuple[float, float]
    residual: u.Quantity
    n_matched: int
    method: str
    sky_level: float
    transparency: float
    fwhm: u.Quantity
    ellipticity: float
    noise: float
    bad_fraction: float
    rejected_fraction: float
    weight: float
    own_background: float = 0.0
    trails: int = 0
    persistent: int = 0
    bad_pixels: int = 0
    saturated_pixels: int = 0
    hidden_pixels: int = 0
    flagged_pixels: int = 0
    before: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    after: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record, but for its images, as plain numbers and texts."""
        return {
            field.name: plain(getattr(self, field.name))
            for field in fields(self)
            if field.name not in _IMAGES
        }


@dataclass(frozen=True)
class DitherResult:
    """The outcome of a reduction.

    Attributes
    ----------
    mosaic : Mosaic
        The image and its variance, mask, coverage and exposure time.
    alignment : Alignment
        Where the frames lie on the sky.
    frames : tuple of FrameRecord
        One record for each exposure.
    objects : ObjectMask or None
        The objects of the mosaic.
    quality : MosaicQuality
        Seeing, depth, noise of the mosaic.
    strategies : dict
        The strategies that were used, as texts that can be typed back.
    inputs : tuple of tuple
        (kind, name, sha256) of every file that went in.
    warnings : tuple of str
        What went less well than it should.
    sky_exposures : tuple of str
        Exposures of the sky beside the target, which are not in the mosaic.
    dropped : tuple of (name, reason)
        Exposures that were left out: without a valid sky, or beside all others.
    sky_findings : dict
        What was decided about the sky, by FITS keyword.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> repr(result)[:60]
    '<DitherResult: TEST, F1230, 3 of 3 exposures, 90 s, seeing 0'
    >>> print(f"{result.quality.seeing:.1f}")
    0.8 arcsec
    >>> table = result.frame_table()
    >>> table.colnames[:5]
    ['name', 'start', 'shift', 'residual', 'n_matched']
    >>> sorted(result.summary())[:3]
    ['area', 'dropped', 'effective_exposure_time']
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     path = result.write(f"{directory}/mosaic.fits")
    ...     print(path.name)
    mosaic.fits
    """

    mosaic: Mosaic
    alignment: Alignment
    frames: tuple[FrameRecord, ...]
    objects: ObjectMask | None
    quality: MosaicQuality
    strategies: dict[str, str]
    inputs: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    sky_exposures: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    sky_findings: Mapping[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return everything but the images as plain numbers and texts."""
        mosaic = self.mosaic
        covered = ~mosaic.mask
        return {
            "object": str(mosaic.header.get("OBJECT", "")),
            "filter": str(mosaic.header.get("FILTER", "")),
            "n_exposures": len(self.frames),
            "total_exposure_time": float(mosaic.exposure.max()),
            "effective_exposure_time": plain(mosaic.header.get("EFFTIME")),
            "n_left_out": sum(record.weight == 0 for record in self.frames),
            "shape": list(mosaic.grid.shape),
            "pixel_scale": mosaic.grid.scale.to_value(u.arcsec),
            "area": float(covered.sum() * mosaic.grid.scale.to_value(u.arcmin) ** 2),
            "quality": self.quality.to_dict(),
            "frames": [record.to_dict() for record in self.frames],
            "strategies": dict(self.strategies),
            "sky_exposures": list(self.sky_exposures),
            "dropped": [{"name": name, "reason": reason} for name, reason in self.dropped],
            "sky": {key: plain(value) for key, value in self.sky_findings.items()},
            "warnings": list(self.warnings),
        }

    def frame_table(self) -> Table:
        """Return the records of the frames as a table; NaN where a value is unknown."""
        rows = [record.to_dict() for record in self.frames]
        names = rows[0] if rows else ()
        return Table(
            {
                name: Column(
                    [np.nan if row[name] is None else row[name] for row in rows],
                    unit=_UNITS.get(name),
                )
                for name in names
            }
        )

    def __repr__(self) -> str:
        facts = self._facts()
        return (
            f"<DitherResult: {facts['field']}, {facts['exposures']} exposures,"
            f" {facts['exposure time']}, seeing {facts['seeing']}, depth {facts['depth']}>"
        )

    def _repr_html_(self) -> str:
        warnings = {
            f"warning {number}": text for number, text in enumerate(self.warnings, start=1)
        }
        return html_table("DitherResult", self._facts() | warnings, image=self.mosaic.preview())

    def _facts(self) -> dict[str, str]:
        """Return what one wants to see first."""
        summary = self.summary()
        quality = summary["quality"]
        used = summary["n_exposures"] - summary["n_left_out"]
        return {
            "field": f"{summary['object']}, {summary['filter']}",
            "exposures": f"{used} of {summary['n_exposures']}",
            "exposure time": f"{summary['total_exposure_time']:.0f} s",
            "seeing": _known(quality["seeing"], "{:.2f} arcsec"),
            "depth": _known(quality["depth"], "{:.2f} mag (5-sigma point source)"),
            "correlated noise": _known(quality["correlated_noise"], "{:.2f} x"),
        }

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the mosaic, with all its planes and its provenance.

        Parameters
        ----------
        path : str or `~pathlib.Path`
            FITS file to write.
        overwrite : bool, optional
            Whether a file of that name may be replaced. Default: no.

        Returns
        -------
        `~pathlib.Path`
            The file.
        """
        rows = [*self.inputs, *(("strategy", key, text) for key, text in self.strategies.items())]
        return write_mosaic(path, self.mosaic, provenance=rows, overwrite=overwrite)


def _known(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)


def plain(value: Any) -> Any:
    """Turn quantities, times and NumPy numbers into what JSON knows; NaN into None."""
    if isinstance(value, Time):
        return value.isot
    if isinstance(value, u.Quantity):
        value = value.to_value(u.arcsec if value.unit.is_equivalent(u.arcsec) else value.unit)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

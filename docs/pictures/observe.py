"""Reduce simulated scenes and keep what the pictures of the user guide show."""

from __future__ import annotations

import pickle
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.nddata import CCDData, block_reduce
from astropy.time import Time
from numpy.typing import NDArray

from emirimg import DitherReducer
from emirimg.calibration import (
    Calibrations,
    HiddenPixelDetector,
    PersistenceDetector,
    ReferenceOutliers,
    TrailDetector,
)
from emirimg.combine import MeanCombiner
from emirimg.dither import DitherResult
from emirimg.exceptions import EmirimgWarning
from emirimg.flat import StarFlat
from emirimg.simulation import SCENES, Scene
from emirimg.sky import DetectorResidual

__all__ = [
    "FIELD", "FRAME", "GALAXY", "calibrated", "calibrations", "observe_field", "observe_galaxy",
    "observe_plain", "unpack",
]  # fmt: skip

FIELD = SCENES["tutorial"].replace(seed=2, trails=3, n_saturated=1, persistence=0.005)
"""The tutorial sequence with satellites and a star that saturates."""

GALAXY = SCENES["galaxy"].replace(
    shape=(1024, 1024), n_exposures=14, n_stars=400, n_galaxies=60, big_galaxy_radius="30 arcsec"
)
"""The central quarter of a galaxy that fills its field, with sky exposures beside it."""

FRAME = 6
"""The exposure that is shown where a single one is."""


class _Seen:
    """Strategies that do their work and keep what they saw."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {"sky": {}, "trails": {}, "glows": []}
        self.lock = threading.Lock()
        self.number = {text: k for k, text in enumerate(FIELD.truth.frames["date_obs"])}

    def hidden(self, stack: Any) -> NDArray[np.bool_]:
        found = HiddenPixelDetector()(stack)
        self.kept["hidden"] = np.packbits(found)
        return found

    def residual(self, frame: CCDData, *, objects: Any = None) -> NDArray[np.float32]:
        rest = DetectorResidual()(frame, objects=objects)
        bad = frame.mask if objects is None else frame.mask | objects
        with self.lock:
            # Later passes overwrite what the first ones have kept.
            self.kept["sky"][self.number[_date(frame)]] = (
                _medians(frame.data, bad, 32),
                _medians(frame.data - rest, bad, 32),
                _means(frame.data - rest, frame.mask, 4),
            )
        return rest

    def outliers(self, frame: CCDData, reference: Any, unknown: Any, **facts: float) -> Any:
        found = ReferenceOutliers()(frame, reference, unknown, **facts)
        if self.number[_date(frame)] == FRAME:
            self.kept["outliers"] = tuple(
                plane.copy() for plane in (_good(frame), facts["scale"] * reference, found)
            )
        return found

    def trails(self, frame: CCDData, reference: Any, unknown: Any, *, scale: float) -> Any:
        found = TrailDetector()(frame, reference, unknown, scale=scale)
        if found:
            noise = np.sqrt(frame.uncertainty.array)
            bad = frame.mask | unknown
            mask = np.logical_or.reduce([trail.mask(frame.shape) for trail in found])
            with self.lock:
                self.kept["trails"][self.number[_date(frame)]] = (
                    _means((frame.data - scale * reference) / noise, bad, 8),
                    _means(mask.astype(np.float32), np.zeros_like(mask), 8),
                )
        return found

    def persistence(self, frame: CCDData, footprints: Any, reference: Any, unknown: Any,
                    *, scale: float) -> Any:  # fmt: skip
        glows = PersistenceDetector()(frame, footprints, reference, unknown, scale=scale)
        for glow in glows:
            y, x = glow.footprint.y, glow.footprint.x
            box = np.s_[max(0, y.min() - 40) : y.max() + 41, max(0, x.min() - 40) : x.max() + 41]
            mask = np.zeros(frame.shape, dtype=bool)
            mask[y, x] = True
            if glow.significant:
                with self.lock:
                    self.kept["glows"].append(
                        (
                            glow.footprint.frame, self.number[_date(frame)], box, glow.excess,
                            (_good(frame) - scale * reference)[box].copy(), mask[box].copy(),
                        )
                    )  # fmt: skip
        return glows

    def starflat(self, stars: Any, shape: tuple[int, int], *, sky: Any = None) -> Any:
        found = StarFlat()(stars, shape, sky=sky)
        self.kept["illumination"] = (found.image[::8, ::8].copy(), found.zero_points, stars)
        return found


class _Persistence:
    """Looks like a `PersistenceDetector`."""

    def __init__(self, seen: _Seen) -> None:
        self.footprints = PersistenceDetector().footprints
        self.call = seen.persistence

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.call(*args, **options)


def observe_field(directory: Path) -> None:
    """Reduce the field, and keep what each stage saw."""
    seen = _Seen()
    result = _reduce(
        FIELD,
        range(FIELD.n_exposures),
        hidden_pixels=seen.hidden,
        residual=seen.residual,
        outliers=seen.outliers,
        trails=seen.trails,
        persistence=_Persistence(seen),
        starflat=seen.starflat,
    )
    result.write(directory / "field.fits", overwrite=True)
    glows = sorted(seen.kept["glows"], key=lambda glow: -glow[3])
    seen.kept["glows"] = glows[:3]
    seen.kept["objects"] = result.objects
    seen.kept["quality"] = result.quality
    (directory / "field.pickle").write_bytes(pickle.dumps(seen.kept))


def observe_plain(directory: Path) -> None:
    """Reduce the field in one pass, without masks of objects and without any rejection."""
    seen = _Seen()
    result = _reduce(
        FIELD,
        range(FIELD.n_exposures),
        passes=1,
        objects=None,
        residual=seen.residual,
        combiner=MeanCombiner(),
    )
    kept = {"sky": seen.kept["sky"], "places": _places(result)}
    (directory / "plain.pickle").write_bytes(pickle.dumps(kept))
    result.write(directory / "plain.fits", overwrite=True)


def observe_galaxy(directory: Path) -> None:
    """Reduce a galaxy with the sky beside it, and with the sky it is in."""
    target = np.flatnonzero(GALAXY.truth.on_target)
    beside = _reduce(GALAXY, range(GALAXY.n_exposures))
    alone = _reduce(GALAXY, target, grid=beside.mosaic.grid)
    means = {
        name: _means(result.mosaic.data, result.mosaic.mask, 4)
        for name, result in (("beside", beside), ("alone", alone))
    }
    frame = calibrated(GALAXY, target[2])
    means["frame"] = _means(frame.data, frame.mask, 4)
    (directory / "galaxy.pickle").write_bytes(pickle.dumps(means))


def unpack(kept: dict[str, Any]) -> NDArray[np.bool_]:
    """Return the hidden bad pixels that were found."""
    ny, nx = FIELD.frame_shape
    return np.unpackbits(kept["hidden"], count=ny * nx).reshape(ny, nx).astype(bool)


def calibrations(scene: Scene) -> Calibrations:
    """Return the calibrations of a scene."""
    frames = scene.calibrations()
    return Calibrations(
        bad_pixels=frames.bad_pixel_mask.data > 0, dark=frames.dark, flat=frames.flat
    )


def _reduce(scene: Scene, numbers: Any, **strategies: Any) -> DitherResult:
    exposures = [scene.exposure(number) for number in numbers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmirimgWarning)
        return DitherReducer(calibrations=calibrations(scene), **strategies).reduce(exposures)


def calibrated(scene: Scene, number: int) -> CCDData:
    """Return a calibrated exposure."""
    return DitherReducer(calibrations=calibrations(scene)).calibrate(scene.exposure(number))


def _places(result: DitherResult) -> NDArray[np.float64]:
    """Return the errors (east, north) in mas, by the header and as solved, in each frame."""
    ny, nx = FIELD.frame_shape
    y, x = (one.ravel() for one in np.mgrid[0.1:0.9:5j, 0.1:0.9:5j] * [[[ny]], [[nx]]])
    truth = FIELD.truth
    errors = np.empty((2, FIELD.n_exposures, 2, x.size))
    for number, solved in enumerate(result.alignment.wcss):
        sky = truth.wcs(number).pixel_to_world(x, y)
        for which, wcs in enumerate((truth.claimed_wcs(number), solved)):
            offsets = sky.spherical_offsets_to(wcs.pixel_to_world(x, y))
            errors[which, number] = [offset.to_value("mas") for offset in offsets]
    return errors


def _good(frame: CCDData) -> NDArray[np.float32]:
    """Return the pixels of a frame, NaN where they are masked."""
    return np.where(frame.mask, np.float32(np.nan), frame.data)


def _date(frame: CCDData) -> str:
    return Time(frame.meta["DATE-OBS"]).isot


def _means(data: NDArray[Any], bad: NDArray[np.bool_], size: int) -> NDArray[np.float32]:
    """Return the means of the good pixels of blocks; NaN where there are none."""
    good = block_reduce((~bad).astype(np.float32), size, np.sum)
    total = block_reduce(np.where(bad, np.float32(0), data), size, np.sum)
    return np.divide(total, good, out=np.full_like(total, np.nan), where=good > 0)


def _medians(data: NDArray[Any], bad: NDArray[np.bool_], size: int) -> NDArray[np.float32]:
    """Return the medians of the good pixels of blocks; NaN where fewer than a quarter are good."""
    blocks = np.where(bad, np.float32(np.nan), data)
    ny, nx = (length // size for length in data.shape)
    blocks = blocks.reshape(ny, size, nx, size).swapaxes(1, 2).reshape(ny, nx, -1)
    enough = np.isfinite(blocks).mean(-1) > 0.25
    medians = np.full((ny, nx), np.nan, dtype=np.float32)
    medians[enough] = np.nanmedian(blocks[enough], axis=-1)
    return medians

"""The whole test: reduce, put stars in, reduce again, look for them."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..._parallel import Progress, no_progress
from ...alignment.psf import MoffatPSF, measure_psf
from ...alignment.stars import find_stars
from ...calibration import Calibrations
from ...dither import DitherReducer, DitherResult, ExposureReducer
from ...dither.result import FrameRecord
from ...exceptions import InputError
from ...instrument import pixel_scale, read_metadata
from ...io.frames import read_frame, write_frame
from .recovery import Recovery, measure_recovery
from .stars import add_stars, draw_stars, mean_scale, moffat_image

__all__ = ["injection_test", "measure_frame_psf"]

_MAGNITUDES = (1.5, 7.0)
"""Default range: fainter and brighter than the 5-sigma limit by so much."""


def injection_test(
    exposures: Sequence[str | Path],
    *,
    calibrations: Calibrations | None = None,
    n_stars: int = 400,
    magnitudes: tuple[float, float] | None = None,
    zero_point: float = 25.0,
    seed: int = 1,
    progress: Progress = no_progress,
    **strategies: object,
) -> Recovery:
    """Put artificial stars into raw exposures, reduce them, and find them again.

    Parameters
    ----------
    exposures : sequence of path
        Raw exposures, as for `~emirimg.dither.DitherReducer.reduce`.
    calibrations : Calibrations, optional
        Their calibrations.
    n_stars : int, optional
        Number of artificial stars. Default: 400.
    magnitudes : tuple of float, optional
        Brightest and faintest. Default: from 7 magnitudes brighter to 1.5
        fainter than the limit of the mosaic at 5 sigma.
    zero_point : float, optional
        Magnitude of 1 ADU. Default: 25.
    seed : int, optional
        Seed of all random numbers. Default: 1.
    progress : callable, optional
        See `~emirimg.dither.DitherReducer`.
    **strategies
        Other arguments for the reducer.

    Returns
    -------
    Recovery

    Raises
    ------
    InputError
        If an exposure has no star to measure its profile from.

    Notes
    -----
    The exposures are reduced twice. The first reduction gives the WCS and the
    transparency of each, the second, on the same grid, the mosaic with stars.
    Both leave the illumination alone: the artificial stars do not pass
    through the optics. Exposures with stars lie in a temporary directory.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_frame
    >>> from emirimg.simulation import Scene, injection_test
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> with TemporaryDirectory() as directory:
    ...     exposures = [
    ...         write_frame(f"{directory}/{index}.fits", scene.exposure(index))
    ...         for index in range(3)
    ...     ]
    ...     recovery = injection_test(exposures, n_stars=15, passes=1)  # doctest: +IGNORE_WARNINGS
    >>> recovery.table.colnames[:3]
    ['magnitude', 'n', 'completeness']
    """
    paths = {Path(path).name: Path(path) for path in exposures}
    options: dict[str, Any] = {
        "starflat": None,
        **strategies,
        "calibrations": calibrations,
        "progress": progress,
    }
    plain = DitherReducer(**options).reduce(list(paths.values()))
    calibrate = ExposureReducer(calibrations=calibrations)
    psfs = {
        Path(record.name).name: measure_frame_psf(
            read_frame(paths[Path(record.name).name]), calibrate, record.name
        )
        for record in plain.frames
    }
    fwhm = float(np.mean([psf.fwhm for psf in psfs.values()]))
    if magnitudes is None:
        limit = zero_point - 2.5 * np.log10(plain.quality.depth_flux)
        magnitudes = limit - _MAGNITUDES[1], limit + _MAGNITUDES[0]
    brightest, faintest = (10 ** (-0.4 * (m - zero_point)) for m in magnitudes)
    stars = draw_stars(plain.mosaic, n_stars, fluxes=(faintest, brightest), fwhm=fwhm, seed=seed)
    with tempfile.TemporaryDirectory(prefix="emirimg-") as directory:
        written = []
        for record, wcs in zip(plain.frames, plain.alignment.wcss, strict=True):
            name = Path(record.name).name
            raw = read_frame(paths[name])
            shape = raw.data.shape
            changed = _with_stars(raw, stars, record, wcs, psfs[name], calibrations, seed)
            written.append(write_frame(Path(directory) / name, changed))
        again = DitherReducer(**{**options, "grid": plain.mosaic.grid}).reduce(written)
    return measure_recovery(
        stars,
        again.mosaic,
        plain.mosaic,
        _on_mosaic(plain, psfs, shape),
        _weights(plain, stars, shape),
        zero_point=zero_point,
    )


def _with_stars(
    raw: CCDData,
    stars: QTable,
    record: FrameRecord,
    wcs: WCS,
    psf: MoffatPSF,
    calibrations: Calibrations | None,
    seed: int,
) -> CCDData:
    """Return a raw exposure, as a file holds it, with stars added."""
    name = Path(record.name).name
    metadata = read_metadata(raw.meta, source=name)
    flat = None if calibrations is None else calibrations.flat
    changed = add_stars(
        raw,
        stars,
        wcs=wcs,
        psf=psf,
        transparency=record.transparency,
        flat=None if flat is None else flat.data,
        gain=metadata.gain,
        saturation=metadata.detector.saturation,
        seed=zlib.crc32(f"{seed} {name}".encode()),
    )
    if raw.mask is not None:  # the raw frame says so by itself, without an extension
        changed.data[raw.mask], changed.mask = np.nan, None
    return changed


def measure_frame_psf(raw: CCDData, calibrate: ExposureReducer, name: str) -> MoffatPSF:
    """Measure the profile of the stars of a raw exposure.

    Parameters
    ----------
    raw : `~astropy.nddata.CCDData`
        Raw exposure.
    calibrate : ExposureReducer
        Calibrates it.
    name : str
        What to call it in an error.

    Raises
    ------
    InputError
        If it shows no star that is good enough.
    """
    frame = calibrate(raw, name=name)
    scale = pixel_scale(raw.wcs).to_value(u.arcsec)
    data = frame.data - np.median(
        frame.data[~frame.mask] if frame.mask is not None else frame.data
    )
    saturation = read_metadata(raw.meta, source=name).detector.saturation
    stars = find_stars(data, frame.mask, fwhm=0.8 / scale, saturation=0.8 * saturation)
    psf = measure_psf(data, frame.mask, stars)
    if psf.n_stars == 0:
        msg = f"{name}: no star is bright and isolated enough to measure its profile"
        raise InputError(msg)
    return psf


def _on_mosaic(
    result: DitherResult, psfs: dict[str, MoffatPSF], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return a star of flux 1 in each exposure, on the pixels of the mosaic."""
    half_size = int(np.ceil(8 * max(psf.fwhm for psf in psfs.values())))
    return np.array(
        [
            moffat_image(
                psfs[Path(record.name).name],
                half_size,
                float(result.mosaic.grid.scale / pixel_scale(wcs)) / mean_scale(wcs, shape),
            )
            for record, wcs in zip(result.frames, result.alignment.wcss, strict=True)
        ]
    )


def _weights(result: DitherResult, stars: QTable, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the weight of each exposure in each star, 0 where it does not show it."""
    ny, nx = shape
    sky = stars["ra"].to_value(u.deg), stars["dec"].to_value(u.deg)
    columns = []
    for record, wcs in zip(result.frames, result.alignment.wcss, strict=True):
        x, y = wcs.wcs_world2pix(*sky, 0)
        columns.append(record.weight * ((x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1)))
    return np.transpose(columns)

"""How many artificial stars are found again, and with which flux."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray
from photutils.background import Background2D

from ...combine.mosaic import Mosaic
from ..scoring.measure import (
    annulus_level,
    aperture_sum,
    fit_moffat,
    matched_filter,
    matched_noise,
    robust_rms,
)

__all__ = ["Recovery", "measure_recovery"]

_SNR = 5.0
_BIN = 0.5
_FACTOR = 2.0
"""A star whose flux is wrong by more is something else."""
_BOX = 64


@dataclass(frozen=True)
class Recovery:
    """The artificial stars, and what became of them.

    Parameters
    ----------
    stars : `~astropy.table.QTable`
        Those that were put in, with ``magnitude``, ``found`` (whether it was
        detected with a flux within a factor of two), ``measured`` (flux in the
        mosaic, ADU) and ``kept`` (flux in the mosaic minus the one without
        artificial stars, ADU).
    zero_point : float
        Magnitude of 1 ADU.
    fwhm : float
        Full width at half maximum of the stars, in pixels of the mosaic.

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
    >>> len(recovery.stars), sorted(recovery.to_dict())[:3]
    (15, ['fwhm', 'limit', 'table'])
    """

    stars: QTable
    zero_point: float
    fwhm: float

    @property
    def table(self) -> QTable:
        """Completeness and bias in bins of half a magnitude.

        ``magnitude`` (middle), ``n``, ``completeness`` and its standard error;
        ``bias`` of the flux of those that were found (median of measured over
        true, minus 1), its standard error and the robust ``scatter``; and
        ``lost``, 1 minus the median part of the flux that all of them kept.
        """
        stars = self.stars
        number = np.floor(np.asarray(stars["magnitude"]) / _BIN).astype(int)
        ratio = np.asarray(stars["measured"] / stars["flux"])
        kept = np.asarray(stars["kept"] / stars["flux"])
        rows = []
        for one in np.unique(number):
            here = number == one
            found = here & np.asarray(stars["found"])
            n, m = int(here.sum()), int(found.sum())
            part = m / n
            scatter = robust_rms(ratio[found]) if m > 2 else np.nan
            rows.append(
                {
                    "magnitude": (one + 0.5) * _BIN,
                    "n": n,
                    "completeness": part,
                    # Wilson: not 0 where all or none are found.
                    "completeness_error": np.sqrt(part * (1 - part) / n + 0.25 / n**2)
                    / (1 + 1 / n),
                    "bias": float(np.median(ratio[found])) - 1 if m else np.nan,
                    "bias_error": 1.2533 * scatter / np.sqrt(max(m, 1)),
                    "scatter": scatter,
                    "lost": 1 - float(np.median(kept[here])),
                }
            )
        return QTable(rows)

    @property
    def limit(self) -> float:
        """Magnitude at which half of the stars are found; NaN where that is not covered."""
        table = self.table
        parts = np.asarray(table["completeness"])
        for row in range(len(parts) - 1, 0, -1):
            if parts[row - 1] >= 0.5 > parts[row]:
                step = (parts[row - 1] - 0.5) / (parts[row - 1] - parts[row])
                return float(table["magnitude"][row - 1] + step * _BIN)
        return np.nan

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, fit for JSON (NaN becomes None)."""
        table = self.table
        return {
            "zero_point": self.zero_point,
            "limit": _plain(self.limit),
            "fwhm": self.fwhm,
            "table": {name: [_plain(value) for value in table[name]] for name in table.colnames},
        }


def measure_recovery(
    stars: QTable,
    with_stars: Mosaic,
    without: Mosaic,
    psfs: NDArray[np.floating],
    weights: NDArray[np.floating],
    *,
    zero_point: float = 25.0,
) -> Recovery:
    """Look for artificial stars in a mosaic.

    Parameters
    ----------
    stars : `~astropy.table.QTable`
        The stars, as from `draw_stars`.
    with_stars, without : Mosaic
        Mosaics on one grid of the exposures with and without them.
    psfs : `~numpy.ndarray`
        Images, on pixels of the mosaic, of a star of flux 1 in each exposure,
        shape (n_exposures, n, n); it is at the centre, and n is odd.
    weights : `~numpy.ndarray`
        Weight of each exposure in each star, shape (n_stars, n_exposures).
    zero_point : float, optional
        Magnitude of 1 ADU. Default: 25.

    Returns
    -------
    Recovery

    Raises
    ------
    ValueError
        If the mosaics have different grids.

    Notes
    -----
    A star is found where the mosaic in a matched filter has a maximum above 5
    sigma within half a FWHM of its place, and its flux is wrong by less than
    a factor of two. Sigma follows from the variance of the mosaic, times
    the robust scatter of the filtered mosaic in these units. The flux is that
    in an aperture of 1.5 FWHM less the level between 4 and 6 FWHM, corrected
    for the part that it holds of the profiles of the exposures that show
    the star.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> import numpy as np
    >>> from emirimg.simulation import draw_stars, measure_recovery
    >>> stars = draw_stars(result.mosaic, 5, fluxes=(1e5, 2e5), fwhm=4.0)
    >>> with_stars = result.mosaic.data.copy()
    >>> y, x = np.indices(with_stars.shape)
    >>> for star in stars:
    ...     distance = np.hypot(x - star["x"], y - star["y"])
    ...     profile = np.exp(-0.5 * (distance / 1.7) ** 2) / (2 * np.pi * 1.7**2)
    ...     with_stars += star["flux"] * profile
    >>> side = np.arange(-15, 16)
    >>> psf = np.exp(-0.5 * (side**2 + side[:, None] ** 2) / 1.7**2) / (2 * np.pi * 1.7**2)
    >>> from dataclasses import replace
    >>> recovery = measure_recovery(
    ...     stars, replace(result.mosaic, data=with_stars), result.mosaic,
    ...     psfs=psf[None], weights=np.ones((len(stars), 1)),
    ... )
    >>> print(f"{np.median(recovery.stars['kept'] / recovery.stars['flux']):.2f}")
    1.00
    """
    if with_stars.grid.shape != without.grid.shape:
        msg = f"the mosaics differ in shape: {with_stars.grid.shape}, {without.grid.shape}"
        raise ValueError(msg)
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
    middle = np.full((1, 2), psfs.shape[1] // 2, dtype=float)
    mean = np.tensordot(weights.mean(axis=0), psfs, axes=1)
    fwhm = fit_moffat(mean, middle[0], psfs.shape[1] / 16, 0.0)[0]
    mask = with_stars.mask | without.mask
    positions = np.transpose([np.asarray(stars["x"]), np.asarray(stars["y"])])
    part = weights @ [_flux(psf, middle, fwhm, None)[0] for psf in psfs]

    def flux(image: NDArray[np.floating]) -> NDArray[np.float64]:
        return _flux(np.where(mask, 0, image), positions, fwhm, mask) / part

    table = stars.copy()
    table["magnitude"] = zero_point - 2.5 * np.log10(np.asarray(stars["flux"]))
    table["measured"] = flux(with_stars.data)
    table["kept"] = flux(with_stars.data - without.data)
    ratio = np.asarray(table["measured"] / table["flux"])
    detected = _detected(with_stars, mask, positions, fwhm)
    table["found"] = detected & (ratio > 1 / _FACTOR) & (ratio < _FACTOR)
    return Recovery(table, zero_point, fwhm)


def _flux(
    image: NDArray[np.floating],
    positions: NDArray[np.float64],
    fwhm: float,
    mask: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    radius = 1.5 * fwhm
    level = annulus_level(image, positions, fwhm, mask)
    return aperture_sum(image, positions, radius) - np.pi * radius**2 * level


def _detected(
    mosaic: Mosaic, mask: NDArray[np.bool_], positions: NDArray[np.float64], fwhm: float
) -> NDArray[np.bool_]:
    background = Background2D(
        np.where(mask, 0, mosaic.data), _BOX, filter_size=3, mask=mask, exclude_percentile=80.0
    ).background
    smooth = matched_filter(np.where(mask, 0, mosaic.data - background), fwhm)
    noise = matched_noise(np.where(mask, 0, mosaic.variance), fwhm)
    significance = np.divide(smooth, noise, out=np.zeros_like(smooth), where=~mask & (noise > 0))
    significance /= robust_rms(significance[~mask])
    reach = max(1, int(np.ceil(0.5 * fwhm)))
    steps = np.mgrid[-reach - 1 : reach + 2, -reach - 1 : reach + 2]
    inner = np.s_[:, 1:-1, 1:-1]
    x, y = np.rint(positions).astype(int).T
    padded = np.pad(significance, reach + 1)
    boxes = padded[
        y[:, None, None] + steps[0] + reach + 1, x[:, None, None] + steps[1] + reach + 1
    ]
    # A maximum is inside; on the rim it is the flank of another source.
    highest = boxes.max(axis=(1, 2))
    return (boxes[inner].max(axis=(1, 2)) == highest) & (highest > _SNR)


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None

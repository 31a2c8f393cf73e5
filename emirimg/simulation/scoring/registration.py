"""The shift between an image and the true catalogue."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from photutils.detection import find_peaks
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ...exceptions import InputError
from ..truth import Truth
from .image import ScoredImage
from .measure import annulus_level, matched_filter, windowed_centroid

__all__ = ["find_shift"]

_N_STARS = 150
_LEAST_MATCHED = 0.4
"""Part of the bright stars that must be there; a third may agree by chance."""
_REACH = 80
"""Largest shift, in pixels, that is looked for."""


def find_shift(image: ScoredImage, truth: Truth, fwhm: float) -> NDArray[np.float64]:
    """Find the global shift between an image and the truth.

    Parameters
    ----------
    image : ScoredImage
        A cleaned image.
    truth : Truth
        Truth of the simulation.
    fwhm : float
        Full width at half maximum of a star, in pixels of the image.

    Returns
    -------
    `~numpy.ndarray`
        Measured minus true position (x, y), in pixels: the median over bright stars.

    Raises
    ------
    InputError
        If the image does not show the true stars.
    """
    stars = truth.catalogue[truth.catalogue["type"] == "star"]
    true = np.transpose(
        image.wcs.wcs_world2pix(stars["ra"].to_value(u.deg), stars["dec"].to_value(u.deg), 0)
    )
    inside = np.all((true > 0) & (true < np.array(image.data.shape[::-1]) - 1), axis=1)
    true = true[inside][:_N_STARS]
    smooth = matched_filter(image.data, fwhm)
    box = 2 * round(2 * fwhm) + 1
    threshold = np.median(smooth[~image.mask])
    peaks = find_peaks(smooth, threshold, box_size=box, n_peaks=_N_STARS, mask=image.mask)
    if peaks is None or len(true) == 0:
        raise InputError(_nothing(0))
    seen = np.transpose([peaks["x_peak"], peaks["y_peak"]]).astype(float)
    coarse = _most_common_offset(seen, true)
    true = true[~_masked(image, true + coarse)]
    distance, partner = cKDTree(seen).query(true + coarse)
    matched = distance < fwhm
    if matched.sum() < max(3, _LEAST_MATCHED * len(true)):
        raise InputError(_nothing(int(matched.sum())))
    places, true = seen[partner[matched]], true[matched]
    levels = annulus_level(image.data, places, fwhm, image.mask)
    found = np.array(
        [
            windowed_centroid(image.data, place, fwhm, level)
            for place, level in zip(places, levels, strict=True)
        ]
    )
    return np.median(found - true, axis=0)


def _most_common_offset(
    seen: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    offsets = (seen[:, None, :] - true[None, :, :]).reshape(-1, 2)
    offsets = offsets[np.all(abs(offsets) < _REACH, axis=1)]
    counts, x_edges, y_edges = np.histogram2d(
        offsets[:, 0], offsets[:, 1], bins=2 * _REACH, range=[[-_REACH, _REACH]] * 2
    )
    i, j = np.unravel_index(np.argmax(gaussian_filter(counts, 1.0)), counts.shape)
    return np.array([x_edges[i] + 0.5, y_edges[j] + 0.5])


def _masked(image: ScoredImage, positions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell whether positions lie outside of the image or where it has no value."""
    x, y = np.rint(positions).astype(int).T
    ny, nx = image.data.shape
    masked = (x < 0) | (x >= nx) | (y < 0) | (y >= ny)
    masked[~masked] = image.mask[y[~masked], x[~masked]]
    return masked


def _nothing(n_matched: int) -> str:
    return (
        f"the image shows only {n_matched} of the brightest true stars within {_REACH} pixels of"
        " where they should be: it is no mosaic of this simulation"
    )

"""Fluxes of the sources of a mosaic, where nothing else is wanted of them."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from ._photometry import detection_image
from .kernels import aperture_sums

__all__ = ["aperture_fluxes"]

_THRESHOLD, _LEAST_PIXELS = 5.0, 6
_DIAGONAL = np.ones((3, 3), dtype=bool)


def aperture_fluxes(mosaic: Mosaic, radius: float) -> NDArray[np.float64]:
    """Measure the sources that `make_catalogue` finds without deblending, in equal apertures.

    Nothing else is measured, which takes a tenth of the time.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    radius : float
        Of the apertures, in pixels, around the barycentre of each source. They are made of
        the whole pixels whose centres lie within.

    Returns
    -------
    `~numpy.ndarray`
        Sums in ADU, in no order; without the sources whose apertures do not fit on the image.
    """
    data, _, empty, smooth, noise = detection_image(mosaic)
    # False also where the noise is unknown, which is NaN.
    above = (smooth > _THRESHOLD * noise) & ~empty
    del _, empty, smooth  # much memory
    labels, number = scipy.ndimage.label(above, _DIAGONAL)
    y, x = np.nonzero(above)
    label, light = labels[y, x], data[y, x].clip(0)
    total = np.bincount(label, light, number + 1)
    found = (np.bincount(label, minlength=number + 1) >= _LEAST_PIXELS) & (total > 0)
    row, column = (
        np.rint(np.bincount(label, light * along, number + 1)[found] / total[found]).astype(int)
        for along in (y, x)
    )
    reach = int(radius)
    ny, nx = mosaic.data.shape
    fits = (np.minimum(row, ny - 1 - row) >= reach) & (
        np.minimum(column, nx - 1 - column) >= reach
    )
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(dx, dy) <= radius
    places, offsets = (row * nx + column)[fits], dy[inside] * nx + dx[inside]
    return (
        aperture_sums(data.ravel(), data.ravel(), places, offsets)[0]
        * np.pi
        * radius**2
        / inside.sum()
    )

"""The charge that bright stars leave in the following exposures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .profiles import draw_catalogue
from .truth import Truth

__all__ = ["persistence_plane"]

_REACH = 4
"""Exposures after which nothing is left."""
_DECAY = 0.5
_WELL_FILLED = 0.2
"""Part of the saturation from which on a pixel keeps some of its charge."""
_FAINTEST = 1e5
"""Flux, in ADU, below which no star fills a pixel so far."""


def persistence_plane(truth: Truth, index: int) -> NDArray[np.float32]:
    """Return the charge, in ADU, that earlier exposures have left in an exposure.

    Parameters
    ----------
    truth : Truth
        The truth of the scene.
    index : int
        Number of the exposure.

    Returns
    -------
    `~numpy.ndarray` of float32
        Shape (ny, nx).
    """
    scene = truth.scene
    left = np.zeros(scene.frame_shape, dtype=np.float32)
    if scene.persistence == 0:
        return left
    catalogue = truth.catalogue
    bright = catalogue[(catalogue["type"] == "star") & (catalogue["flux"] > _FAINTEST)]
    full = scene.device.saturation
    for earlier in range(max(0, index - _REACH), index):
        charge = np.zeros(scene.frame_shape, dtype=np.float32)
        transparency = float(truth.frames["transparency"][earlier])
        draw_catalogue(charge, truth.wcs(earlier), bright, truth.psf(earlier), scale=transparency)
        np.minimum(charge, full, out=charge)
        charge[charge < _WELL_FILLED * full] = 0
        left += np.float32(scene.persistence * _DECAY ** (index - earlier - 1)) * charge
    return left

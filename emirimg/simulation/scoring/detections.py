"""What a search for sources finds, and what it ought to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray
from photutils.background import Background2D
from photutils.segmentation import detect_sources
from scipy.ndimage import binary_dilation, maximum_position
from scipy.spatial import cKDTree

from ..profiles import draw_catalogue
from .field import BORDER, WELL_COVERED, Field
from .measure import matched_filter, matched_noise
from .noise import Noise

__all__ = ["Detections", "measure_detections"]

_FALSE_SNR = 8.0
_SNR = 5.0
_BIN = 0.5
_MESH = 64
"""Width of the boxes, in pixels, in which the background is measured."""


@dataclass(frozen=True)
class Detections:
    """The outcome of a search for sources.

    Parameters
    ----------
    n_false : int
        Detections above 8 sigma, anywhere, with no true source within 2 FWHM.
    purity : float
        Part of the 5-sigma detections in the well-covered area that are true.
    completeness : `~astropy.table.QTable`
        ``magnitude`` (-2.5 log10 of the flux in ADU, middle of the bin),
        ``n`` (isolated true stars in the well-covered area) and ``fraction``
        (of those that are found at 5 sigma).
    """

    n_false: int
    purity: float
    completeness: QTable

    @property
    def limit(self) -> float:
        """Magnitude at which half of the stars are found."""
        table = self.completeness
        for row in range(1, len(table)):
            above, below = table["fraction"][row - 1], table["fraction"][row]
            if above >= 0.5 > below:
                step = (above - 0.5) / (above - below)
                return float(table["magnitude"][row - 1] + step * _BIN)
        return np.nan


def measure_detections(field: Field, noise: tuple[Noise, Noise]) -> Detections:
    """Search the mosaic in a matched filter, with the noise that it really has.

    Parameters
    ----------
    field : Field
        The mosaic.
    noise : tuple of Noise
        Noise of the well-covered area and of the border.

    Notes
    -----
    The true light of galaxies whose half-light radius exceeds the mesh of the background
    is subtracted first: their wings are background to a search for sources.
    """
    significance, true_light = _significance(field, noise)
    area = field.area(WELL_COVERED)
    false_detection = ~_is_true(field, significance, true_light, _FALSE_SNR, ~_rim(field))
    true_detection = _is_true(field, significance, true_light, _SNR, area & ~_rim(field))
    return Detections(
        n_false=int(false_detection.sum()),
        purity=float(true_detection.mean()) if true_detection.size else np.nan,
        completeness=_completeness(field, significance, area),
    )


def _significance(
    field: Field, noise: tuple[Noise, Noise]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signal-to-noise ratio of a point source everywhere, as seen and as it is."""
    image, ideal, (good, border) = field.image, field.ideal, noise
    nothing = image.mask | ~np.isfinite(ideal.variance)
    data, model, empty = image.data, ideal.model, field.empty
    wide = _wide_light(field)
    if wide is not None:
        data, model = data - np.float32(good.flux_scale) * wide * ~image.mask, model - wide
        empty = field.without_light(model)
    background = Background2D(
        data, _MESH, filter_size=3, mask=~empty, exclude_percentile=80.0
    ).background
    smooth = matched_filter(np.where(nothing, 0, data - background), field.fwhm)
    # At an edge the filter holds fewer pixels, and less noise.
    variance = np.where(nothing, 0, ideal.variance + ideal.source_variance)
    deviation = matched_noise(variance, field.fwhm)
    factor = np.where(ideal.fraction < BORDER, border.filtered, good.filtered)
    deviation = np.maximum(deviation * np.nan_to_num(factor, nan=1.0), 1e-6)
    true_light = good.flux_scale * matched_filter(model, field.fwhm)
    return smooth / deviation, true_light / deviation


def _wide_light(field: Field) -> NDArray[np.float32] | None:
    """Return the light of the galaxies that are wider than the mesh; `None`: there are none."""
    truth, image = field.truth, field.image
    wide = truth.catalogue["radius"] > _MESH * image.grid.scale
    if not wide.any():
        return None
    light = np.zeros(image.data.shape, dtype=np.float32)
    typical = int(np.argmax(truth.weights))
    draw_catalogue(light, image.wcs, truth.catalogue[wide], truth.psf(typical))
    return light * (field.ideal.coverage > 0)


def _rim(field: Field) -> NDArray[np.bool_]:
    """Return where a part of a star's light would be missing."""
    width = round(field.fwhm)
    nothing = field.image.mask | ~np.isfinite(field.ideal.variance)
    rim = binary_dilation(nothing, iterations=width)
    rim[:width] = rim[-width:] = True
    rim[:, :width] = rim[:, -width:] = True
    return rim


def _is_true(
    field: Field,
    significance: NDArray[np.float32],
    true_light: NDArray[np.float32],
    threshold: float,
    area: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Tell for each island above a threshold, with its peak in an area, whether it is true."""
    found = detect_sources(significance, threshold, 1)
    if found is None:
        return np.empty(0, dtype=bool)
    labels = np.asarray(found.labels)
    peaks = np.array(maximum_position(significance, found.data, labels))
    distance, _ = cKDTree(field.positions).query(peaks[:, ::-1])
    # An island of a large galaxy may peak off its centre, and one in the wings
    # of a bright star is that star's.
    x, y = np.rint(field.positions).astype(int).T
    ny, nx = significance.shape
    inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
    true = (
        (distance < 2 * field.fwhm)
        | np.isin(labels, found.data[y[inside], x[inside]])
        | (true_light[tuple(peaks.T)] > 0.5 * threshold)
    )
    return true[area[tuple(peaks.T)]]


def _completeness(
    field: Field, significance: NDArray[np.float32], area: NDArray[np.bool_]
) -> QTable:
    catalogue = field.truth.catalogue
    x, y = np.rint(field.positions).astype(int).T
    ny, nx = significance.shape
    usable = (catalogue["type"] == "star") & (x > 1) & (x < nx - 2) & (y > 1) & (y < ny - 2)
    usable[usable] &= area[y[usable], x[usable]]
    distance, _ = cKDTree(field.positions).query(field.positions, k=2)
    usable &= distance[:, 1] > 4 * field.fwhm
    x, y = x[usable], y[usable]
    steps = np.mgrid[-1:2, -1:2].reshape(2, 9)
    peak = significance[y + steps[0][:, None], x + steps[1][:, None]].max(axis=0)
    magnitude = -2.5 * np.log10(np.asarray(catalogue["flux"])[usable])
    number = np.floor(magnitude / _BIN).astype(int)
    table = QTable()
    bins = np.unique(number)
    table["magnitude"] = (bins + 0.5) * _BIN
    table["n"] = [int(np.sum(number == one)) for one in bins]
    table["fraction"] = [float(np.mean(peak[number == one] > _SNR)) for one in bins]
    return table

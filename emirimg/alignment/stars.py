"""Find the stars of one sky-subtracted frame and measure them."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from .kernels import block_statistics, fill_masked, local_maxima
from .smoothing import gaussian_smoothed
from .star_list import StarFlag, StarList
from .windowed import COLUMNS, measure_windowed

__all__ = ["find_stars"]

_SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))
_BLOCK = 64
_SHARPEST = 0.22
_BRIGHT = 100


def find_stars(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_] | None = None,
    variance: NDArray[np.float32] | None = None,
    *,
    threshold: float = 8.0,
    fwhm: float = 4.0,
    max_stars: int = 1500,
    aperture: float | None = None,
    saturation: float | None = None,
) -> StarList:
    """Find and measure the point sources of a sky-subtracted frame.

    Parameters
    ----------
    data : `~numpy.ndarray` of float32
        Shape (ny, nx), axis order (y, x). A smooth residual of the sky does no
        harm.
    mask : `~numpy.ndarray` of bool, optional
        True where a pixel must not be used. Pixels that are not finite are
        left out in any case.
    variance : `~numpy.ndarray` of float32, optional
        Variance of ``data``. Default: the scatter of the background, the
        same everywhere.
    threshold : float, optional
        Least height of a star in the smoothed frame, in units of the noise
        there. Default: 8.
    fwhm : float, optional
        Expected full width at half maximum, in pixels; within a factor of two.
        Default: 4.
    max_stars : int, optional
        How many of the brightest stars to return. Default: 1500.
    aperture : float, optional
        Radius of the aperture for the flux, in pixels. Default: 2.5 FWHM, as
        measured.
    saturation : float, optional
        Stars with a pixel from this value on are flagged. Default: none is.

    Returns
    -------
    StarList
        The stars, flagged ones included; empty if there are none.

    Raises
    ------
    ValueError
        If the arrays differ in shape or the image is smaller than 32 pixels.

    Notes
    -----
    Stars are the maxima of the frame smoothed with a Gaussian of the expected
    width. The background and the noise of the smoothed frame are measured in
    blocks of 64 pixels. Hits of cosmic rays and hot pixels are recognised by
    neighbours that are too faint for a peak of that height, or by a width of
    less than 0.6 of that of the stars.

    Centroids follow the windowed positions of SExtractor [1]_: a Gaussian
    window of the width of the stars is moved until it is centred on what it
    sees. Truncation at four standard deviations keeps the error that depends
    on the place of the star within its pixel below 0.001 pixel from a FWHM of
    2.6 pixels on. The standard error is
    ``2 sqrt(sum(w^2 v r^2 / 2)) / sum(w I)`` for the window w, the
    variance v and the image I.

    References
    ----------
    .. [1] Bertin, E. & Arnouts, S. 1996, A&AS, 117, 393

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import find_stars
    >>> y, x = np.mgrid[:100, :100]
    >>> image = np.random.default_rng(1).normal(0, 2, (100, 100)).astype("f4")
    >>> image += 900 * np.exp(-((x - 30.25) ** 2 + (y - 40.5) ** 2) / (2 * 1.7**2))
    >>> stars = find_stars(image)
    >>> print(f"({stars.x[0]:.2f}, {stars.y[0]:.2f}) +- {stars.error[0]:.3f}")
    (30.25, 40.50) +- 0.002
    """
    data, mask = _checked(data, mask)
    pixel_level, pixel_noise = _mesh(data, mask)
    noise = float(np.nanmedian(pixel_noise)) if np.isfinite(pixel_noise).any() else np.nan
    if not noise > 0:
        return _empty(aperture or 2.5 * fwhm, noise)
    if variance is None:
        variance = np.broadcast_to(np.float32(noise**2), data.shape)
    variance = np.asarray(variance, dtype=np.float32)
    filled = fill_masked(data, mask, float(np.nanmedian(pixel_level)))
    y, x, height = _candidates(filled, mask, threshold, fwhm, 2 * max_stars)
    planes = (data, mask, filled, variance)

    width = _typical_width(planes, x[:_BRIGHT], y[:_BRIGHT], fwhm)
    radius = aperture or 2.5 * width
    table, measured = _measure(planes, x, y, width, radius)
    crowded = _crowded(x, y, height, radius + 1.5 * width)[measured]
    wide = _shapes(table)[0] > 0.6 * width
    table, crowded = table[wide], crowded[wide]
    brightest = _without_twins(table, 0.5 * width)[:max_stars]
    return _star_list(table[brightest], crowded[brightest], width, radius, noise, saturation)


def _checked(
    data: NDArray[np.float32], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    data = np.ascontiguousarray(data, dtype=np.float32)
    if data.ndim != 2 or min(data.shape) < 32:
        msg = f"data must be an image of at least 32 x 32 pixels, got the shape {data.shape}"
        raise ValueError(msg)
    bad = ~np.isfinite(data)
    if mask is not None:
        if np.shape(mask) != data.shape:
            msg = f"mask must have the shape of data {data.shape}, got {np.shape(mask)}"
            raise ValueError(msg)
        bad |= mask
    return data, bad


def _empty(aperture: float, noise: float) -> StarList:
    columns = [np.empty(0)] * 9
    return StarList(*columns, np.empty(0, dtype=int), aperture, noise)


def _mesh(
    image: NDArray[np.float32], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return background and noise in blocks, freed from blocks full of stars."""
    edges = [
        np.linspace(0, size, max(1, round(size / _BLOCK)) + 1).astype(np.int64)
        for size in image.shape
    ]
    level, noise = block_statistics(image, mask, edges[0], edges[1], 2)
    known = np.isfinite(level)
    if not known.any():
        return level, noise
    level[~known] = np.median(level[known])
    noise[~known] = np.median(noise[known])
    size = (min(3, level.shape[0]), min(3, level.shape[1]))
    filtered = [scipy.ndimage.median_filter(one, size, mode="nearest") for one in (level, noise)]
    return filtered[0], filtered[1]


def _candidates(
    filled: NDArray[np.float32],
    mask: NDArray[np.bool_],
    threshold: float,
    fwhm: float,
    n_most: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return places and heights of peaks, the highest first."""
    smooth = gaussian_smoothed(filled, _SIGMA * fwhm)
    level, noise = _mesh(smooth, mask)
    y, x, height = local_maxima(smooth, filled, level, noise, threshold, _SHARPEST)
    order = np.argsort(-height, kind="stable")[:n_most]
    return y[order].astype(float), x[order].astype(float), height[order]


def _typical_width(
    planes: tuple[NDArray, ...],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fwhm: float,
) -> float:
    """Return the FWHM of the bright stars: the window should have the same."""
    width = fwhm
    for _ in range(3):
        widths, _ = _shapes(_measure(planes, x, y, width, 2.5 * width)[0])
        widths = widths[(widths > 0.35 * fwhm) & (widths < 3 * fwhm)]
        if widths.size == 0:
            return fwhm
        # Stars are the narrowest of the common widths; galaxies only exceed.
        middle = np.median(widths)
        for _ in range(3):
            middle = np.median(widths[(widths > 0.7 * middle) & (widths < 1.3 * middle)])
        previous, width = width, float(middle)
        if abs(width / previous - 1) < 0.05:
            break
    return width


def _measure(
    planes: tuple[NDArray, ...],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    width: float,
    radius: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return what could be measured, and which of the candidates that were."""
    inner = max(radius + 1, 3 * width)
    annulus = (inner, float(np.hypot(inner, 10 + 1.5 * width)))
    table = measure_windowed(*planes, x, y, _SIGMA * width, radius, annulus)
    measured = np.isfinite(table[:, : COLUMNS.index("xx")]).all(axis=1)
    return table[measured], measured


def _shapes(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return FWHM (geometric mean of both axes) and ellipticity."""
    xx, yy, xy = (table[:, COLUMNS.index(name)] for name in ("xx", "yy", "xy"))
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    major, minor = np.sqrt(mean + half), np.sqrt(np.maximum(mean - half, 0))
    return np.sqrt(major * minor) / _SIGMA, 1 - minor / major


def _without_twins(table: NDArray[np.float64], distance: float) -> NDArray[np.int_]:
    """Return the order of flux, with the first of entries that fell on the same star."""
    flux = table[:, COLUMNS.index("flux")]
    order = np.argsort(-flux, kind="stable")
    pairs = scipy.spatial.cKDTree(table[order, :2]).query_pairs(distance, output_type="ndarray")
    keep = flux[order] > 0
    keep[pairs.max(axis=1)] = False
    return order[keep]


def _star_list(
    table: NDArray[np.float64],
    crowded: NDArray[np.bool_],
    width: float,
    radius: float,
    noise: float,
    saturation: float | None,
) -> StarList:
    column = dict(zip(COLUMNS, table.T, strict=True))
    fwhm, ellipticity = _shapes(table)
    flags = np.zeros(len(table), dtype=int)
    if saturation is not None:
        flags[column["peak"] >= saturation] |= StarFlag.SATURATED
    flags[column["n_masked"] > 0] |= StarFlag.MASKED
    flags[crowded] |= StarFlag.CROWDED
    flags[(fwhm > 1.4 * width) | (ellipticity > 0.4)] |= StarFlag.EXTENDED
    names = ("x", "y", "error", "flux", "flux_error")
    return StarList(
        *(column[name].copy() for name in names),
        fwhm,
        ellipticity,
        column["peak"].copy(),
        column["background"].copy(),
        flags,
        radius,
        noise,
    )


def _crowded(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    height: NDArray[np.float64],
    distance: float,
) -> NDArray[np.bool_]:
    """Tell which peaks, in order of height, have another of more than 2 % of theirs near."""
    crowded = np.zeros(x.size, dtype=bool)
    tree = scipy.spatial.cKDTree(np.column_stack([x, y]))
    pairs = tree.query_pairs(distance, output_type="ndarray")
    higher, lower = pairs.min(axis=1), pairs.max(axis=1)
    crowded[lower] = True
    crowded[higher[height[lower] > 0.02 * height[higher]]] = True
    return crowded

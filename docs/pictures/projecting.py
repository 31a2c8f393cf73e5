"""A star and its noise before and after resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.stats import mad_std
from drawing import BLUE, RED, deviation, panels, sky_image
from matplotlib.figure import Figure
from numpy.typing import NDArray
from photutils.centroids import centroid_2dg
from photutils.profiles import RadialProfile

from emirimg.projection import InterpResampler, LanczosResampler, MosaicGrid
from emirimg.simulation import Scene, Truth
from emirimg.simulation.scoring.measure import fit_moffat

__all__ = ["draw_projection"]

_SCENE = Scene(
    n_exposures=1, n_stars=900, n_galaxies=0, faintest=3e4, brightest=2e5,
    dither_scale=0, sky=600, bad_pixels=0, hidden_bad_pixels=0, cosmic_rays=0, doughnut=0,
    illumination=0, pixel_flat=0, quadrant_background=0, seeing="0.55 arcsec", seed=4,
)  # fmt: skip
_HALF = 12
_COLORS = {"detector": "black", "lanczos3": RED, "bilinear": BLUE}


def draw_projection() -> Figure:
    """Star in the detector and on the grid, its profile, and the noise of boxes of pixels."""
    truth = _SCENE.truth
    frame = _SCENE.exposure(0)
    data = np.asarray(frame.data, dtype=np.float32)
    variance = VarianceUncertainty(np.maximum(data, 1) / 5)
    frame = CCDData(data - np.median(data), unit="adu", wcs=truth.wcs(0), uncertainty=variance,
                    mask=np.zeros(data.shape, dtype=bool))  # fmt: skip
    grid = MosaicGrid.covering([frame.wcs], [frame.shape])
    images = _resampled(frame, grid)
    frame.data = np.random.default_rng(1).normal(0, 12, frame.shape).astype(np.float32)
    noises = _resampled(frame, grid)
    places = {"detector": frame.wcs, "lanczos3": grid.wcs, "bilinear": grid.wcs}
    figure, axes = panels(6, rows=2, size=3.4, height=3.5)
    cuts, profiles = {}, {}
    for axis, (name, image) in zip(axes, images.items(), strict=False):
        x, y = (
            float(one) for one in places[name].world_to_pixel_values(*_star(truth, frame, grid))
        )
        row, column = round(y), round(x)
        cuts[name] = image[row - _HALF : row + _HALF + 1, column - _HALF : column + _HALF + 1]
        centre = centroid_2dg(cuts[name])
        fwhm, _ = fit_moffat(image, np.array([x, y], dtype=float), 3.0, 0.0)
        sky_image(axis, cuts[name], f"{name}: FWHM {fwhm:.2f} px", level=0, sigma=12, high=900)
        profiles[name] = RadialProfile(cuts[name], centre, np.arange(0.0, 8.5, 0.5))
    peak = profiles["detector"].profile[0]
    for name, profile in profiles.items():
        axes[3].plot(profile.radius, 100 * profile.profile / peak, "o-", ms=3, lw=1,
                     color=_COLORS[name], label=name)  # fmt: skip
        sizes, noise = _noise_of_boxes(noises[name])
        axes[5].plot(sizes, noise, "o-", ms=3, lw=1, color=_COLORS[name], label=name)
    axes[3].set(xlabel="radius (px)", ylabel="% of the peak", title="Profile", yscale="log",
                ylim=(0.3, 130))  # fmt: skip
    difference = 100 * (cuts["bilinear"] - cuts["lanczos3"]) / np.nanmax(cuts["lanczos3"])
    drawn = deviation(axes[4], difference, "bilinear - lanczos3", limit=6)
    figure.colorbar(drawn, ax=axes[4], label="% of the peak", location="bottom", shrink=0.8)
    axes[5].set(xlabel="side of a box (px)", ylabel="noise of its mean / white noise",
                title="Correlated noise")  # fmt: skip
    axes[3].legend(frameon=False)
    return figure


def _resampled(frame: CCDData, grid: MosaicGrid) -> dict[str, NDArray[np.float32]]:
    """Return the frame, and what two resamplers make of it."""
    images = {"detector": frame.data}
    for name, resampler in (("lanczos3", LanczosResampler()), ("bilinear", InterpResampler())):
        part = resampler(frame, grid)
        images[name] = np.full(grid.shape, np.nan, dtype=np.float32)
        images[name][part.window] = np.where(part.mask, np.nan, part.data)
    return images


def _star(truth: Truth, frame: CCDData, grid: MosaicGrid) -> tuple[float, float]:
    """Return the brightest star that is alone, and a quarter of a pixel off the grid's centres."""
    ra, dec = (truth.catalogue[name].to_value("deg") for name in ("ra", "dec"))
    x, y = frame.wcs.world_to_pixel_values(ra, dec)
    on_grid = np.round(grid.wcs.world_to_pixel_values(ra, dec))
    off = np.array(frame.wcs.world_to_pixel_values(*grid.wcs.pixel_to_world_values(*on_grid)))
    typical = (abs(abs(off - np.round(off)) - 0.25) < 0.06).all(axis=0)
    ny, nx = frame.shape
    # Near the centre, where the pixels of both have the same size.
    inside = np.hypot(x - nx / 2, y - ny / 2) < 350
    for index in np.flatnonzero(typical & inside):
        if np.sort(np.hypot(x - x[index], y - y[index]))[1] > 30:
            return ra[index], dec[index]
    msg = "no isolated star"
    raise ValueError(msg)


def _noise_of_boxes(image: NDArray[Any]) -> tuple[list[int], list[float]]:
    """Return the scatter of the means of boxes, relative to that of independent pixels."""
    sizes = [1, 2, 3, 4, 6, 8, 10, 12]
    scatter = []
    for size in sizes:
        ny, nx = (length // size for length in image.shape)
        boxes = image[: ny * size, : nx * size].reshape(ny, size, nx, size).mean(axis=(1, 3))
        scatter.append(size * mad_std(boxes, ignore_nan=True))
    return sizes, [one / scatter[0] for one in scatter]

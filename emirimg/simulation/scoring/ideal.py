"""The best mosaic that the exposures of a simulation allow."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from ..._parallel import parallel_map, row_bands
from ...combine.mosaic import Mosaic
from ...instrument import pixel_scale
from ...projection.grid import MosaicGrid
from ..profiles import draw_catalogue
from ..randomness import Purpose, generator
from ..truth import Truth

__all__ = ["IdealStack", "ideal_stack", "perfect_mosaic"]

_BAND_HEIGHT = 640
_NODE_SPACING = 32


@dataclass(frozen=True)
class IdealStack:
    """The inverse-variance weighted stack of all good pixels, without any sky noise.

    Parameters
    ----------
    truth : Truth
        Truth of the simulation.
    grid : MosaicGrid
        Where the pixels lie.
    model : `~numpy.ndarray` of float32
        Light of the true sources, in catalogue units: each exposure's own
        point-spread function, with its weight.
    variance : `~numpy.ndarray` of float32
        Variance by sky photons and read noise; infinite where there is no exposure.
    source_variance : `~numpy.ndarray` of float32
        Variance by the photons of the sources.
    coverage : `~numpy.ndarray` of int16
        Number of exposures whose area holds the pixel.

    Examples
    --------
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene, ideal_stack
    >>> scene = Scene(shape=(64, 64), n_exposures=2, n_stars=10, n_galaxies=0, dither_scale=0.1)
    >>> grid = MosaicGrid.covering([scene.truth.wcs(i) for i in range(2)], [(64, 64)] * 2)
    >>> stack = ideal_stack(scene.truth, grid)
    >>> int(stack.coverage.max()), float(stack.fraction.max())
    (2, 1.0)
    >>> mosaic = stack.observed()
    >>> mosaic.data.shape == grid.shape
    True
    """

    truth: Truth
    grid: MosaicGrid
    model: NDArray[np.float32]
    variance: NDArray[np.float32]
    source_variance: NDArray[np.float32]
    coverage: NDArray[np.int16]

    @property
    def fraction(self) -> NDArray[np.float32]:
        """Coverage relative to the number of exposures of the field."""
        return self.coverage / np.float32(self.truth.on_target.sum())

    def observed(self) -> Mosaic:
        """Add the noise, and return the mosaic that nothing can surpass."""
        random = generator(self.truth.scene.seed, Purpose.PERFECT)
        mask = ~np.isfinite(self.variance)
        variance = np.where(mask, 0, self.variance + self.source_variance)
        noise = random.standard_normal(self.grid.shape, dtype=np.float32)
        data = np.where(mask, 0, self.model + np.sqrt(variance) * noise)
        return Mosaic(
            grid=self.grid,
            data=data,
            variance=variance,
            mask=mask,
            coverage=self.coverage,
            exposure=self.coverage * np.float32(self.truth.scene.exposure_time.to_value(u.s)),
            header=Header(),
        )


def perfect_mosaic(truth: Truth, grid: MosaicGrid, *, executor: Executor | None = None) -> Mosaic:
    """Draw the true sources and ideal noise: what no reduction can surpass.

    Parameters
    ----------
    truth : Truth
        Truth of the simulation.
    grid : MosaicGrid
        Where the pixels lie.
    executor : `concurrent.futures.Executor`, optional
        Where the work is done. Default: threads.

    Returns
    -------
    `~emirimg.combine.Mosaic`

    Examples
    --------
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene, perfect_mosaic
    >>> scene = Scene(shape=(64, 64), n_exposures=2, n_stars=10, n_galaxies=0, dither_scale=0.1)
    >>> grid = MosaicGrid.covering([scene.truth.wcs(i) for i in range(2)], [(64, 64)] * 2)
    >>> mosaic = perfect_mosaic(scene.truth, grid)
    >>> mosaic.data.shape == grid.shape
    True
    """
    return ideal_stack(truth, grid, executor=executor).observed()


def ideal_stack(truth: Truth, grid: MosaicGrid, *, executor: Executor | None = None) -> IdealStack:
    r"""Stack the exposures of a simulation as well as it is possible.

    Parameters
    ----------
    truth : Truth
        Truth of the simulation.
    grid : MosaicGrid
        Where the pixels lie.
    executor : `concurrent.futures.Executor`, optional
        Where the work is done. Default: threads.

    Returns
    -------
    IdealStack

    Notes
    -----
    In a pixel of the mosaic that falls on the good pixel p of exposure k, the
    weight is the inverse of the variance of the background, brought to full
    transparency and to the solid angle of the mosaic's pixel,

    .. math::

        w_k = \frac{(T_k I_p f_p)^2}{f_p B_{kp} / g + \sigma_r^2}
              \; \frac{\Omega_p}{\Omega},

    with transparency T, illumination I, flat f, background B (sky and
    scattered light), gain g and read noise; the variance of the stack is
    :math:`1 / \sum_k w_k`.

    Examples
    --------
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene, ideal_stack
    >>> scene = Scene(shape=(64, 64), n_exposures=2, n_stars=10, n_galaxies=0, dither_scale=0.1)
    >>> grid = MosaicGrid.covering([scene.truth.wcs(i) for i in range(2)], [(64, 64)] * 2)
    >>> stack = ideal_stack(scene.truth, grid)
    >>> noise = stack.variance[stack.coverage == 2].mean() ** 0.5
    >>> print(f"{noise:.0f} ADU")
    19 ADU
    """
    weights = {int(k): _detector_weights(truth, k, grid) for k in np.flatnonzero(truth.on_target)}
    bands = row_bands(grid.shape[0], _BAND_HEIGHT)
    parts = parallel_map(
        lambda rows: _stack_band(truth, grid.cutout(rows), weights), bands, executor=executor
    )
    model, variance, source_variance, coverage = (
        np.concatenate(planes) for planes in zip(*parts, strict=True)
    )
    return IdealStack(truth, grid, model, variance, source_variance, coverage)


def _detector_weights(truth: Truth, index: int, grid: MosaicGrid) -> NDArray[np.float32]:
    """Return the weight of every pixel of an exposure; 0 where it is bad."""
    scene = truth.scene
    variance = truth.flat * truth.background(index)
    variance += np.float32(scene.dark_current * scene.exposure_time.to_value(u.s))
    variance /= scene.gain
    variance += scene.read_noise**2
    response = truth.flat * truth.illumination * np.float32(truth.frames["transparency"][index])
    weight = response**2 / variance * truth.pixel_area
    weight *= float(pixel_scale(truth.wcs(index)) / grid.scale) ** 2
    weight[truth.bad_pixels] = 0
    return weight


def _stack_band(
    truth: Truth, grid: MosaicGrid, weights: dict[int, NDArray[np.float32]]
) -> tuple[NDArray[np.floating], ...]:
    model = np.zeros(grid.shape, dtype=np.float32)
    total = np.zeros(grid.shape, dtype=np.float32)
    photons = np.zeros(grid.shape, dtype=np.float32)
    coverage = np.zeros(grid.shape, dtype=np.int16)
    for index, detector_weight in weights.items():
        x, y = _detector_positions(truth, index, grid)
        ny, nx = truth.scene.frame_shape
        inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
        weight = np.zeros(grid.shape, dtype=np.float32)
        weight[inside] = detector_weight[y[inside], x[inside]]
        light = np.zeros(grid.shape, dtype=np.float32)
        draw_catalogue(light, grid.wcs, truth.catalogue, truth.psf(index))
        model += weight * light
        transparency = np.float32(truth.frames["transparency"][index])
        photons += weight**2 * light / (truth.scene.gain * transparency)
        total += weight
        coverage += inside
    with np.errstate(divide="ignore"):
        variance = 1 / total
    seen = total > 0
    model[seen] /= total[seen]
    photons[seen] /= total[seen] ** 2
    return model, variance, photons, coverage


def _detector_positions(
    truth: Truth, index: int, grid: MosaicGrid
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the pixel (x, y) of an exposure that each pixel of the grid falls on."""
    ny, nx = grid.shape
    # Nodes of their own also where the last band is a single row.
    rows = np.linspace(0, max(ny - 1, 1), ny // _NODE_SPACING + 4)
    columns = np.linspace(0, max(nx - 1, 1), nx // _NODE_SPACING + 4)
    sky = grid.wcs.wcs_pix2world(*np.meshgrid(columns, rows), 0)
    nodes = truth.wcs(index).wcs_world2pix(*sky, 0)
    return tuple(
        np.rint(RectBivariateSpline(rows, columns, node)(np.arange(ny), np.arange(nx))).astype(
            np.int32
        )
        for node in nodes
    )

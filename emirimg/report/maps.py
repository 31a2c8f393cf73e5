"""Maps of a mosaic on axes with its WCS."""

from __future__ import annotations

import numpy as np
from astropy.visualization.wcsaxes import WCSAxes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import BoundaryNorm
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..combine.mosaic import Mosaic
from ..objects.background import robust_rms
from ..objects.mask import ObjectMask
from .numbers import sky_residual_map
from .panels import label_sky, new_axes

__all__ = ["draw_coverage_map", "draw_object_map", "draw_sky_residual"]

_SIDE = 500
_ABSENT = "#8a929a"


def draw_coverage_map(mosaic: Mosaic, axes: WCSAxes | None = None) -> WCSAxes:
    """Draw the number of exposures of each pixel.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    axes : `~astropy.visualization.wcsaxes.WCSAxes`, optional
        Where to draw; of the WCS of the mosaic. Default: new axes.

    Returns
    -------
    `~astropy.visualization.wcsaxes.WCSAxes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_coverage_map
    >>> axes = draw_coverage_map(result.mosaic)
    >>> axes.get_title()
    'Number of exposures'
    """
    axes = _new(mosaic) if axes is None else axes
    coverage = _thinned(mosaic.coverage)
    most = max(1, int(mosaic.coverage.max()))
    norm = BoundaryNorm(np.arange(0.5, most + 1), 256)
    shown = np.where(coverage > 0, coverage.astype(np.float32), np.nan)
    drawn = _show(axes, mosaic, shown, cmap="viridis", norm=norm)
    bar = _bar(axes, drawn)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    bar.ax.minorticks_off()
    axes.set_title("Number of exposures")
    return axes


def draw_object_map(
    mosaic: Mosaic, objects: ObjectMask | None, axes: WCSAxes | None = None
) -> WCSAxes:
    """Draw which pixels belong to objects, and are not used for the sky.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    objects : ObjectMask or None
        Its objects; `None`: none is drawn.
    axes : `~astropy.visualization.wcsaxes.WCSAxes`, optional
        Where to draw; of the WCS of the mosaic. Default: new axes.

    Returns
    -------
    `~astropy.visualization.wcsaxes.WCSAxes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_object_map
    >>> axes = draw_object_map(result.mosaic, result.objects)
    >>> axes.get_title()
    'Objects: 21.7 % of the field'
    """
    axes = _new(mosaic) if axes is None else axes
    mask = np.zeros(mosaic.grid.shape, dtype=bool) if objects is None else objects.mask
    shown = np.where(_thinned(mosaic.mask), np.nan, _thinned(mask).astype(np.float32))
    _show(axes, mosaic, shown, cmap="Blues", vmin=-0.15, vmax=1)
    fraction = 100 * mask.sum() / max(1, np.count_nonzero(~mosaic.mask))
    axes.set_title(f"Objects: {fraction:.1f} % of the field" if objects else "Objects: none known")
    return axes


def draw_sky_residual(
    mosaic: Mosaic, objects: ObjectMask | None = None, axes: WCSAxes | None = None
) -> WCSAxes:
    """Draw what is left of the sky: the medians of blocks of 64 pixels without objects.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    objects : ObjectMask, optional
        What does not count.
    axes : `~astropy.visualization.wcsaxes.WCSAxes`, optional
        Where to draw; of the WCS of the mosaic. Default: new axes.

    Returns
    -------
    `~astropy.visualization.wcsaxes.WCSAxes`

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import draw_sky_residual
    >>> axes = draw_sky_residual(result.mosaic, result.objects)
    >>> axes.get_title()
    'Sky residual, rms 1.4 ADU'
    """
    return draw_residual_levels(mosaic, sky_residual_map(mosaic, objects), axes)


def draw_residual_levels(
    mosaic: Mosaic, level: NDArray[np.float64], axes: WCSAxes | None = None
) -> WCSAxes:
    """Draw what `draw_sky_residual` does, where `sky_residual_map` has been worked out already."""
    axes = _new(mosaic) if axes is None else axes
    known = level[np.isfinite(level)]
    rms = robust_rms(known) if known.size else 0.0
    reach = 4 * rms if rms > 0 else 1.0
    drawn = _show(axes, mosaic, level, cmap="RdBu_r", vmin=-reach, vmax=reach)
    _bar(axes, drawn).ax.set_title("ADU", size="medium", loc="left")
    axes.set_title(f"Sky residual, rms {rms:#.2g} ADU")
    return axes


def _new(mosaic: Mosaic) -> WCSAxes:
    return new_axes(4.8, 3.77, left=1.0, right=0.85, projection=mosaic.grid.wcs)


def _bar(axes: WCSAxes, drawn: ScalarMappable) -> Colorbar:
    return axes.figure.colorbar(drawn, cax=axes.inset_axes([1.04, 0.1, 0.04, 0.8]))


def _thinned(plane: np.ndarray) -> np.ndarray:
    step = max(1, -(-max(plane.shape) // _SIDE))
    return plane[::step, ::step]


def _show(axes: WCSAxes, mosaic: Mosaic, image: np.ndarray, **options: object) -> AxesImage:
    ny, nx = mosaic.grid.shape
    drawn = axes.imshow(
        image, origin="lower", interpolation="nearest", extent=(-0.5, nx - 0.5, -0.5, ny - 0.5),
        **options,
    )  # fmt: skip
    axes.set_facecolor(_ABSENT)
    label_sky(axes)
    return drawn

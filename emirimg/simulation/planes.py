"""The faults of the detector and the optics, as images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from ..instrument import pixel_area
from .randomness import Purpose, generator

if TYPE_CHECKING:
    from .scene import Scene

__all__ = [
    "area_plane",
    "bad_pixel_planes",
    "cosmic_ray_plane",
    "doughnut_plane",
    "flat_plane",
    "illumination_plane",
    "pedestal_plane",
    "trail_plane",
]

GOOD, HOT, DEAD, NOISY = range(4)

N_FALSE_FRAMES = 2
"""How many exposures at the beginning of a sequence show false quadrants."""

_VERTICAL_CHANNELS = (0, 3)
"""Quadrants of the HAWAII-2 whose channels are vertical, and whose lines are rows."""
_PIXEL = 0.194
"""Width of a pixel, in arcsec."""
_TRAIL_PEAKS = (60.0, 2000.0)
"""Range of the peaks of trails, in ADU."""


def area_plane(scene: Scene, wcs: WCS) -> NDArray[np.float32]:
    """Return the solid angle of every pixel, relative to the reference pixel."""
    ny, nx = scene.frame_shape
    nodes_y, nodes_x = np.linspace(0, ny - 1, ny // 32 + 4), np.linspace(0, nx - 1, nx // 32 + 4)
    coarse = pixel_area(wcs, nodes_x[None, :], nodes_y[:, None])
    spline = RectBivariateSpline(nodes_y, nodes_x, coarse)
    return spline(np.arange(ny), np.arange(nx)).astype(np.float32)


def flat_plane(scene: Scene) -> NDArray[np.float32]:
    """Return the response from pixel to pixel, mean 1."""
    random = generator(scene.seed, Purpose.FLAT)
    noise = random.standard_normal(scene.frame_shape, dtype=np.float32)
    return 1 + np.float32(scene.pixel_flat) * np.clip(noise, -4, 4)


def illumination_plane(scene: Scene) -> NDArray[np.float32]:
    """Return the smooth response, mean 1: a random cubic polynomial."""
    random = generator(scene.seed, Purpose.ILLUMINATION)
    x, y = _unit_square(scene)
    surface = np.zeros(scene.frame_shape, dtype=np.float32)
    for i in range(4):
        for j in range(4 - i):
            surface += np.float32(random.normal()) * x**i * y**j
    surface *= scene.illumination / np.ptp(surface)
    return 1 + surface - surface.mean()


def doughnut_plane(scene: Scene) -> NDArray[np.float32]:
    """Return the scattered light, relative to the sky level: a ring round the centre."""
    x, y = _unit_square(scene)
    radius = np.hypot(x, y)
    return (scene.doughnut * np.exp(-0.5 * ((radius - 0.45) / 0.17) ** 2)).astype(np.float32)


def bad_pixel_planes(scene: Scene) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Return which pixels the bad-pixel mask knows, and what is wrong with each pixel."""
    random = generator(scene.seed, Purpose.BAD_PIXELS)
    shape = scene.frame_shape
    known = np.zeros(shape, dtype=bool)
    if scene.detector == "HAWAII-2":
        goal = round(scene.bad_pixels * known.size)
        # Half are single pixels, half lie in clusters with a radius up to 4 pixels.
        known.ravel()[random.choice(known.size, goal // 2, replace=False)] = True
        while (missing := goal - known.sum()) > 0:
            centre = [random.integers(size) for size in shape]
            radius = random.uniform(0.6, min(4.0, 0.6 + np.sqrt(missing / np.pi)))
            y, x = (
                np.arange(max(0, c - 4), min(size, c + 5))
                for c, size in zip(centre, shape, strict=True)
            )
            near = np.hypot(*np.meshgrid(y - centre[0], x - centre[1], indexing="ij")) < radius
            known[np.ix_(y, x)] |= near
    n_hidden = round(scene.hidden_bad_pixels * known.size)
    hidden = random.choice(np.flatnonzero(~known), n_hidden, replace=False)
    kind = np.zeros(shape, dtype=np.uint8)
    kind[known] = random.choice([HOT, DEAD, NOISY], p=[0.4, 0.4, 0.2], size=known.sum())
    kind.ravel()[hidden] = random.choice([HOT, DEAD, NOISY], p=[0.5, 0.3, 0.2], size=n_hidden)
    return known, kind


def pedestal_plane(scene: Scene, index: int) -> NDArray[np.float32]:
    """Return the false background of an exposure, by quadrant or by channel, in ADU."""
    if scene.detector == "HAWAII-2" and index >= N_FALSE_FRAMES:
        return _stripes(scene, index)[_part(scene)]
    pedestal = np.zeros(scene.device.shape, dtype=np.float32)
    random = generator(scene.seed, Purpose.PEDESTALS, index)
    if scene.detector == "H2RG":
        channels = list(scene.device.channels())
        # One part stays, the other changes with every exposure.
        fixed = generator(scene.seed, Purpose.PEDESTALS).normal(size=len(channels))
        levels = scene.channel_pedestal * (fixed + random.normal(size=len(channels))) / np.sqrt(2)
        for channel, level in zip(channels, levels, strict=True):
            pedestal[channel] = level
    else:
        for quadrant in scene.device.quadrants():
            view = pedestal[quadrant]
            level, slope_x, slope_y = random.normal(size=3)
            along = np.linspace(-1, 1, view.shape[0], dtype=np.float32)
            view += level + 0.5 * (slope_x * along[None, :] + slope_y * along[:, None])
        pedestal *= scene.quadrant_background / (index + 1)
    return pedestal[_part(scene)] + _stripes(scene, index)[_part(scene)]


def _stripes(scene: Scene, index: int) -> NDArray[np.float32]:
    """Return the levels of the lines of pixels of an exposure, in ADU."""
    stripes = np.zeros(scene.device.shape, dtype=np.float32)
    if scene.striping == 0:
        return stripes
    random = generator(scene.seed, Purpose.STRIPES, index)
    if not scene.device.in_quadrants:
        return stripes + random.normal(0, scene.striping, (stripes.shape[0], 1)).astype(np.float32)
    for number, quadrant in enumerate(scene.device.quadrants()):
        view = stripes[quadrant]
        along = (view.shape[0], 1) if number in _VERTICAL_CHANNELS else (1, view.shape[1])
        view += random.normal(0, scene.striping, along).astype(np.float32)
    return stripes


def trail_plane(scene: Scene, index: int, fwhm: float) -> NDArray[np.float32]:
    """Return the light, in ADU, of the satellites that cross the field in an exposure.

    Parameters
    ----------
    scene : Scene
        The scene.
    index : int
        Number of the exposure.
    fwhm : float
        Full width at half maximum of a star, in arcsec.
    """
    random = generator(scene.seed, Purpose.TRAILS)
    ny, nx = scene.frame_shape
    light = np.zeros((ny, nx), dtype=np.float32)
    sigma = fwhm / _PIXEL / 2.3548
    y, x = np.ogrid[:ny, :nx]
    for _ in range(scene.trails):
        which = random.integers(scene.n_exposures)
        x0, y0 = random.uniform(0.25, 0.75, 2) * (nx, ny)
        angle = random.uniform(0, np.pi)
        peak = _TRAIL_PEAKS[0] * (_TRAIL_PEAKS[1] / _TRAIL_PEAKS[0]) ** random.uniform()
        if which == index:
            across = (x - x0) * np.sin(angle) - (y - y0) * np.cos(angle)
            light += (peak * np.exp(-0.5 * (across / sigma) ** 2)).astype(np.float32)
    return light


def cosmic_ray_plane(scene: Scene, index: int) -> NDArray[np.float32]:
    """Return the charge, in ADU, that cosmic rays leave in an exposure."""
    random = generator(scene.seed, Purpose.COSMIC_RAYS, index)
    ny, nx = scene.frame_shape
    charge = np.zeros((ny, nx), dtype=np.float32)
    for _ in range(scene.cosmic_rays):
        x, y = random.uniform(-0.5, nx - 0.5), random.uniform(-0.5, ny - 0.5)
        energy = min(100 / random.uniform(), 40000.0)
        length = random.exponential(3.0) if random.uniform() < 0.6 else 0.0
        angle = random.uniform(0, 2 * np.pi)
        steps = np.linspace(0, length, max(1, round(8 * length)))
        i = np.rint(x + steps * np.cos(angle)).astype(int)
        j = np.rint(y + steps * np.sin(angle)).astype(int)
        inside = (i >= 0) & (i < nx) & (j >= 0) & (j < ny)
        np.add.at(charge, (j[inside], i[inside]), energy / steps.size)
    return charge


def _part(scene: Scene) -> tuple[slice, slice]:
    """Return the central part of the detector that is simulated."""
    starts = [
        (whole - part) // 2
        for whole, part in zip(scene.device.shape, scene.frame_shape, strict=True)
    ]
    return tuple(
        slice(start, start + part) for start, part in zip(starts, scene.frame_shape, strict=True)
    )


def _unit_square(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x and y of the pixels, from -1 to 1."""
    ny, nx = scene.frame_shape
    x = np.linspace(-1, 1, nx, dtype=np.float32)
    y = np.linspace(-1, 1, ny, dtype=np.float32)
    return x[None, :], y[:, None]

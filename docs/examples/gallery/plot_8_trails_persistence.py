"""
Satellites and persistence
==========================

A satellite leaves a line across one exposure, whose faint edges no rejection sees. A bright
star leaves a glow on its pixels, which the following exposures show beside the star.
"""

# %%
# Three satellites. The mosaic is a plain mean, with and without
# `~emirimg.calibration.TrailDetector`, so that nothing else deals with the trails.

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import CCDData, block_reduce
from astropy.visualization import simple_norm

from emirimg import DitherReducer
from emirimg.calibration import Calibrations, PersistenceDetector, TrailDetector
from emirimg.combine import MeanCombiner
from emirimg.simulation import Scene


def observe(scene: Scene) -> tuple[Calibrations, list[CCDData]]:
    """Return calibrations and exposures of a scene."""
    masters = scene.calibrations()
    calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
    return calibrations, [scene.exposure(i) for i in range(scene.n_exposures)]


basis = Scene(
    seed=12, n_exposures=6, shape=(400, 400), dither_scale=0.4, n_stars=70, n_galaxies=15,
    quadrant_background=0, doughnut=0,
)  # fmt: skip
calibrations, exposures = observe(basis.replace(trails=3))
figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.9), layout="compressed")
for axis, trails in zip(axes, (None, TrailDetector()), strict=True):
    result = DitherReducer(
        calibrations=calibrations, combiner=MeanCombiner(), outliers=None, trails=trails
    ).reduce(exposures)
    image = block_reduce(result.mosaic.data, 2, np.mean)
    norm = simple_norm(image, "asinh", vmin=-15, vmax=300, asinh_a=0.05)
    axis.imshow(image, norm=norm, cmap="gray_r", origin="lower")
    axis.set_title(f"trails={trails}: {sum(record.trails for record in result.frames)} found")
    axis.set(xticks=[], yticks=[])

# %%
# Persistence. A saturated star leaves 2 % of its charge in the next exposure, half of that in
# the one after it.

calibrations, exposures = observe(basis.replace(persistence=0.02, n_saturated=2))
figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.9), layout="compressed")
for axis, persistence in zip(axes, (None, PersistenceDetector()), strict=True):
    result = DitherReducer(
        calibrations=calibrations, combiner=MeanCombiner(), outliers=None,
        persistence=persistence, passes=2,
    ).reduce(exposures)  # fmt: skip
    image = block_reduce(result.mosaic.data, 2, np.mean)
    norm = simple_norm(image, "asinh", vmin=-15, vmax=300, asinh_a=0.05)
    axis.imshow(image, norm=norm, cmap="gray_r", origin="lower")
    axis.set_title(
        f"persistence={persistence}: {sum(record.persistent for record in result.frames)} found"
    )
    axis.set(xticks=[], yticks=[])

# %%
# Both are masked in the plane of the detector, in the exposures that show them; see
# :ref:`calibration`.

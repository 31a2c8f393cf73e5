"""
Alignment by the headers or by the stars
========================================

The pointing in the header of an exposure is wrong by several pixels and drifts along a
sequence. Exposures that are placed by it alone make a blurred mosaic.
"""

# %%
# The same exposures, placed by `~emirimg.alignment.HeaderAlignment` and by
# `~emirimg.alignment.StarAlignment`. The combiner is a plain mean, since a rejection would not
# know which of the displaced stars to believe.

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import Cutout2D
from astropy.visualization import simple_norm

from emirimg import DitherReducer
from emirimg.alignment import HeaderAlignment, StarAlignment
from emirimg.calibration import Calibrations
from emirimg.combine import MeanCombiner
from emirimg.simulation import Scene

scene = Scene(
    seed=8,
    n_exposures=7,
    shape=(512, 512),
    dither_scale=0.5,
    n_stars=250,
    n_galaxies=40,
    pointing_drift=0.8,
)
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(7)]

brightest = scene.truth.catalogue[:40]
figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="compressed")
results = {}
for axis, alignment in zip(axes, (HeaderAlignment(), StarAlignment()), strict=True):
    reducer = DitherReducer(
        calibrations=calibrations, alignment=alignment, combiner=MeanCombiner(), passes=1
    )
    result = results[type(alignment).__name__] = reducer.reduce(exposures)
    x, y = result.mosaic.grid.wcs.world_to_pixel_values(brightest["ra"], brightest["dec"])
    centre = np.array(result.mosaic.data.shape[::-1]) / 2
    nearest = np.argmin(np.hypot(x - centre[0], y - centre[1]))
    part = Cutout2D(result.mosaic.data, (x[nearest], y[nearest]), 150).data
    norm = simple_norm(part, "asinh", vmin=-30, vmax=3000, asinh_a=0.02)
    axis.imshow(part, norm=norm, cmap="gray_r", origin="lower")
    axis.set_title(f"{alignment}\nseeing {result.quality.seeing:.2f}")
    axis.set(xticks=[], yticks=[])

# %%
# Where the exposures were found, and how well their stars agree:

for record in results["StarAlignment"].frames:
    x, y = record.shift
    print(
        f"moved by ({x:+.2f}, {y:+.2f}) pixels, residual"
        f" {record.residual.to_value(u.mas):4.1f} mas, {record.n_matched} stars"
    )

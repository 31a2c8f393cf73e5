"""
Outliers and combiners
======================

Cosmic rays and satellites are in one exposure and not in the others. A mean takes them in, a
median costs a fifth more noise, and a rejection that knows the noise costs next to nothing.
"""

# %%
# Combiners alone; no exposure is looked through for cosmic rays before. Of seven values none
# can be three of their own standard deviations from their mean, so ``SigmaClipCombiner()``
# rejects nothing.

import matplotlib.pyplot as plt
import numpy as np
from astropy.stats import mad_std
from astropy.visualization import simple_norm

from emirimg import DitherReducer
from emirimg.calibration import Calibrations, ReferenceOutliers
from emirimg.combine import MeanCombiner, MedianCombiner, NoiseClipCombiner, SigmaClipCombiner
from emirimg.simulation import Scene

scene = Scene(
    seed=9, n_exposures=7, shape=(384, 384), dither_scale=0.2, n_stars=120, n_galaxies=20,
    cosmic_rays=400, quadrant_background=0,
)  # fmt: skip
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(7)]

combiners = (MeanCombiner(), MedianCombiner(), SigmaClipCombiner(), NoiseClipCombiner())
figure, axes = plt.subplots(1, 4, figsize=(13, 4.1), layout="compressed")
middle = np.s_[150:300, 150:300]
for axis, combiner in zip(axes, combiners, strict=True):
    mosaic = DitherReducer(
        calibrations=calibrations, combiner=combiner, hidden_pixels=None, outliers=None, passes=1
    ).reduce(exposures).mosaic  # fmt: skip
    part = mosaic.data[middle]
    axis.imshow(
        part, norm=simple_norm(part, "asinh", vmin=-30, vmax=600, asinh_a=0.05),
        cmap="gray_r", origin="lower",
    )  # fmt: skip
    axis.set_title(f"{combiner}\nnoise {mad_std(part):.1f} ADU")
    axis.set(xticks=[], yticks=[])

# %%
# A plain mean after `~emirimg.calibration.ReferenceOutliers`, which compares every exposure
# with the first mosaic and masks what differs. The reducer does both: it looks through the
# exposures, and combines with a rejection.

figure, axes = plt.subplots(1, 2, figsize=(7.5, 4.3), layout="compressed")
for axis, outliers in zip(axes, (None, ReferenceOutliers()), strict=True):
    mosaic = DitherReducer(
        calibrations=calibrations, combiner=MeanCombiner(), outliers=outliers, passes=2
    ).reduce(exposures).mosaic  # fmt: skip
    part = mosaic.data[middle]
    axis.imshow(
        part, norm=simple_norm(part, "asinh", vmin=-30, vmax=600, asinh_a=0.05),
        cmap="gray_r", origin="lower",
    )  # fmt: skip
    axis.set_title(f"outliers={outliers}")
    axis.set(xticks=[], yticks=[])

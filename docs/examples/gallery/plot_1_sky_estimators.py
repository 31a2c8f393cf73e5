"""
Sky estimators
==============

The sky of an exposure is a thousand times brighter than the galaxies in it, so an error of a
thousandth of it matters. Three estimators are compared with the true sky: the median of the
exposure, the mean of its neighbours, and a common shape from which the noise is filtered.
"""

# %%
# Exposures are calibrated, and put together as every sky estimator takes them. The sky of this
# scene has a ring of scattered light, as bright as a tenth of it.

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import block_reduce
from astropy.stats import mad_std

from emirimg.calibration import Calibrations
from emirimg.dither import ExposureReducer
from emirimg.simulation import Scene
from emirimg.sky import ConstantSky, NeighbourSky, PatternSky
from emirimg.stack import DitherStack

scene = Scene(
    seed=3, n_exposures=7, shape=(512, 512), dither_scale=0.5, n_stars=150, n_galaxies=20,
    quadrant_background=0, hidden_bad_pixels=0,
)  # fmt: skip
masters = scene.calibrations()
calibrate = ExposureReducer(
    calibrations=Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
)
stack = DitherStack.from_frames([calibrate(scene.exposure(i)) for i in range(7)])

# %%
# Objects are masked. In a reduction, the mosaic of the pass before says where they are; here
# the truth does, which knows the sky.

noise = np.sqrt(np.median(np.asarray(stack[0].uncertainty.array)))
skies_true = [scene.truth.background(i) for i in range(7)]
objects = [
    np.asarray(frame.data) - sky > 3 * noise for frame, sky in zip(stack, skies_true, strict=True)
]

estimators = (ConstantSky(), NeighbourSky(), PatternSky())
figure, axes = plt.subplots(1, 4, figsize=(12, 3.5), layout="compressed")
index = 3
axes[0].imshow(skies_true[index], cmap="gray", origin="lower")
axes[0].set_title("True sky of an exposure")
for axis, estimate in zip(axes[1:], estimators, strict=True):
    sky = estimate(stack, objects=objects)[index]
    error = np.where(stack[index].mask, np.nan, sky.image - skies_true[index])
    error = block_reduce(error, 4, np.nanmedian)
    drawn = axis.imshow(error, vmin=-25, vmax=25, cmap="RdBu_r", origin="lower")
    axis.set_title(f"{type(estimate).__name__}: rms {mad_std(error, ignore_nan=True):.1f} ADU")
figure.colorbar(drawn, ax=axes[1:], label="sky - truth (ADU)", shrink=0.8)
for axis in axes:
    axis.set(xticks=[], yticks=[])

# %%
# The median does not know the ring. The neighbours do, but their noise comes into every
# exposure, and what they share with it is not averaged down in the mosaic. The pattern keeps
# the large scales, on which the sky is, and leaves out the small ones, on which the noise is.
# See :ref:`sky`.

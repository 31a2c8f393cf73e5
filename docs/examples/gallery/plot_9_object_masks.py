"""
Masking the objects
===================

Objects that are not masked are taken for sky, and what is subtracted then leaves dark places
around them. The mosaic shows where they are; the sky is estimated again without them.
"""

# %%
# The same exposures with one pass, in which no object is known, and with three. The dither of 5
# arcsec is shorter than the haloes of the brightest stars. Blue is too dark.

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import block_reduce

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.simulation import Scene
from emirimg.sky import NeighbourSky

scene = Scene(
    seed=14, n_exposures=7, shape=(512, 512), dither_scale=0.15, n_stars=150, n_galaxies=60,
    brightest=3e6, quadrant_background=0,
)  # fmt: skip
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(7)]

figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.6), layout="compressed")
for axis, passes in zip(axes, (1, 3), strict=False):
    result = DitherReducer(calibrations=calibrations, sky=NeighbourSky(), passes=passes).reduce(
        exposures
    )
    image = block_reduce(result.mosaic.data, 4, np.mean)
    axis.imshow(image, vmin=-15, vmax=15, cmap="RdBu_r", origin="lower")
    over = result.quality.oversubtraction
    axis.set_title(f"passes={passes}: {over:.2f} ADU too much beside objects")
axes[2].imshow(result.objects.mask, cmap="gray_r", origin="lower")
axes[2].set_title(f"Objects: {100 * result.objects.fraction:.0f} % of the mosaic")
for axis in axes:
    axis.set(xticks=[], yticks=[])

# %%
# The masks reach as far as the haloes of the objects do; see :ref:`objects`.

"""
A target that fills its field
=============================

Where a galaxy covers every pixel in every exposure, its light cannot be told from sky, and
is subtracted with it. Observers nod to an empty field beside the target; those exposures tell the
sky.
"""

# %%
# The telescope nods after each exposure of the galaxy. The exposures beside it are recognised
# by their pointing, and do not enter the mosaic. In the second reduction they are not given.

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import block_reduce
from astropy.visualization import simple_norm

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.simulation import Scene

field = Scene(
    seed=4, n_exposures=5, shape=(512, 512), dither_scale=0.4, n_stars=60, n_galaxies=10,
    big_galaxy=True, big_galaxy_radius="15 arcsec", quadrant_background=0,
)  # fmt: skip
scene = field.with_sky_exposures()
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(scene.n_exposures)]
on_target = [exposures[i] for i in np.flatnonzero(scene.truth.on_target)]

reducer = DitherReducer(calibrations=calibrations, passes=2)
beside = reducer.reduce(exposures)
alone = reducer.reduce(on_target)

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
images = {"Sky of the same exposures": alone, "Sky from beside": beside}
for axis, (title, result) in zip(axes, images.items(), strict=False):
    image = block_reduce(result.mosaic.data, 4, np.mean)
    norm = simple_norm(image, "asinh", vmin=-30, vmax=1000, asinh_a=0.05)
    axis.imshow(image, norm=norm, cmap="gray_r", origin="lower")
    axis.set_title(title)
    axis.set(xticks=[], yticks=[])
    middle = image.shape[0] // 2
    profile = np.median(image[middle - 2 : middle + 3], axis=0)
    axes[2].plot(4 * np.arange(profile.size) * 0.195, profile, label=title)
axes[2].axhline(0, color="0.6", lw=0.8)
axes[2].set(xlabel="arcsec", ylabel="ADU", title="Cut through the middle", ylim=(-60, 900))
axes[2].legend(frameon=False)

# %%
# What was decided stands in the result and in the header of the mosaic; see :ref:`sky`.

print(len(beside.sky_exposures), "exposures beside the target;", beside.sky_findings)

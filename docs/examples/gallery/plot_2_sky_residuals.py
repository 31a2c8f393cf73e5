"""
What the sky leaves behind
==========================

The first exposures of a sequence with the HAWAII-2 often have a false background in each of
their quadrants. No other exposure has it, so no sky estimator finds it in the others.
"""

# %%
# The background of a mosaic, with and without `~emirimg.sky.DetectorResidual`. Grey blocks are
# taken for objects.

import matplotlib.pyplot as plt
import numpy as np

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.report import sky_residual_map
from emirimg.simulation import Scene
from emirimg.sky import DetectorResidual

scene = Scene(
    seed=2, n_exposures=5, shape=(512, 512), dither_scale=0.5, n_stars=150, n_galaxies=20,
    quadrant_background=60,
)  # fmt: skip
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(5)]

results = {
    "residual=None": DitherReducer(calibrations=calibrations, residual=None, passes=2).reduce(
        exposures
    ),
    "residual=DetectorResidual()": DitherReducer(
        calibrations=calibrations, residual=DetectorResidual(), passes=2
    ).reduce(exposures),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="compressed")
for axis, (name, result) in zip(axes, results.items(), strict=True):
    background = sky_residual_map(result.mosaic, result.objects)
    drawn = axis.imshow(background, vmin=-15, vmax=15, cmap="RdBu_r", origin="lower")
    axis.set_title(f"{name}\nrms {np.nanstd(background):.1f} ADU")
    axis.set(xticks=[], yticks=[], facecolor="0.85")
figure.colorbar(drawn, ax=axes, label="median of 64 x 64 pixels (ADU)")

# %%
# What was found in each exposure is in its record. The later ones are left alone, because
# evidence is asked for.

for record in results["residual=DetectorResidual()"].frames:
    print(f"{record.start.iso[11:19]}  {record.own_background:6.2f} ADU")

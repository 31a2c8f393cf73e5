"""
The illumination that the flat does not know
============================================

A master flat made of the dome or the twilight is illuminated in another way than the sky. The
stars tell: each of them falls on many places of the detector along the dither, and should be
equally bright on all.
"""

# %%
# This camera has an illumination of 15 per cent from one side to the other that the master flat
# does not have. Fluxes in the mosaic are compared with the truth, with and without
# `~emirimg.flat.StarFlat`.

import matplotlib.pyplot as plt
import numpy as np
from astropy.stats import mad_std
from photutils.aperture import CircularAperture, aperture_photometry

from emirimg import DitherReducer
from emirimg.calibration import Calibrations
from emirimg.flat import StarFlat
from emirimg.simulation import Scene

scene = Scene(
    seed=6, n_exposures=7, shape=(512, 512), dither_scale=0.5, n_stars=250, n_galaxies=0,
    faintest=3e4, brightest=4e5, illumination=0.15, doughnut=0.0, transparency_scatter=0.0,
)  # fmt: skip
masters = scene.calibrations()
calibrations = Calibrations(bad_pixels=masters.bad_pixel_mask.data > 0, flat=masters.flat)
exposures = [scene.exposure(i) for i in range(7)]
truth = scene.truth.catalogue

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
for axis, starflat in zip(axes, (None, StarFlat()), strict=True):
    reducer = DitherReducer(calibrations=calibrations, starflat=starflat, passes=2)
    mosaic = reducer.reduce(exposures).mosaic
    x, y = mosaic.grid.wcs.world_to_pixel_values(truth["ra"], truth["dec"])
    height, width = mosaic.data.shape
    inside = (x > 15) & (x < width - 15) & (y > 15) & (y < height - 15)
    apart = np.array([np.sort(np.hypot(x - a, y - b))[1] > 15 for a, b in zip(x, y, strict=True)])
    good = np.flatnonzero(inside & apart)
    good = good[mosaic.coverage[y[good].astype(int), x[good].astype(int)] >= 3]
    sums = aperture_photometry(
        mosaic.data, CircularAperture(np.column_stack([x[good], y[good]]), 7.0)
    )["aperture_sum"]
    ratio = np.asarray(sums / truth["flux"][good])
    ratio = 100 * (ratio / np.median(ratio) - 1)
    drawn = axis.scatter(x[good], y[good], c=ratio, s=22, cmap="RdBu_r", vmin=-7, vmax=7)
    axis.set(title=f"starflat={starflat}: scatter {mad_std(ratio):.1f} %", aspect="equal")
    axis.set(xlabel="x (pixels)", ylabel="y (pixels)")
figure.colorbar(drawn, ax=axes, label="flux error (%)")

# %%
# The remaining scatter is the noise of the stars. Few stars cannot tell an illumination; then
# none is applied. See :ref:`flat`.

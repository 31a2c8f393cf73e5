"""
Resamplers
==========

Every exposure is resampled once, to the grid of the mosaic. Each way of doing it trades the
sharpness of stars against noise that neighbouring pixels share.
"""

# %%
# One exposure in very good seeing, whose stars are sampled by less than three pixels, is taken
# to the grid of the mosaic by Lanczos kernels, bilinear interpolation, the overlap of pixels,
# and an adaptive Gaussian.

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import CCDData, Cutout2D, VarianceUncertainty
from astropy.stats import mad_std
from astropy.visualization import simple_norm

from emirimg.alignment import find_stars, measure_psf
from emirimg.projection import (
    AdaptiveResampler,
    ExactResampler,
    InterpResampler,
    LanczosResampler,
    MosaicGrid,
)
from emirimg.simulation import Scene

scene = Scene(
    seed=4, n_exposures=1, shape=(400, 400), dither_scale=0.0, n_stars=150, n_galaxies=0,
    faintest=2e4, brightest=2e5, sky=600, seeing="0.5 arcsec", bad_pixels=0, hidden_bad_pixels=0,
    cosmic_rays=0, doughnut=0, illumination=0, pixel_flat=0, quadrant_background=0,
)  # fmt: skip
raw = scene.exposure(0)
data = np.asarray(raw.data - np.median(raw.data), dtype=np.float32)
frame = CCDData(
    data, unit="adu", wcs=scene.truth.wcs(0), uncertainty=VarianceUncertainty(raw.data / 5 + 25)
)
grid = MosaicGrid.covering([frame.wcs], [frame.shape])
star = scene.truth.catalogue[np.argmin(np.hypot(
    *(np.array(grid.wcs.world_to_pixel_values(
        scene.truth.catalogue["ra"], scene.truth.catalogue["dec"]
    )) - 200)
))]  # fmt: skip

resamplers = (LanczosResampler(), InterpResampler(), ExactResampler(), AdaptiveResampler())
figure, axes = plt.subplots(1, 5, figsize=(13, 3.4), layout="compressed")
before = {"detector": (frame.data, np.zeros(frame.shape, dtype=bool), frame.wcs)}
after = {}
for resample in resamplers:
    projected = resample(frame, grid)
    image, mask = np.zeros(grid.shape, dtype=np.float32), np.ones(grid.shape, dtype=bool)
    image[projected.window], mask[projected.window] = projected.data, projected.mask
    after[resample.name] = (image, mask, grid.wcs)
for axis, (name, (image, mask, wcs)) in zip(axes, (before | after).items(), strict=True):
    psf = measure_psf(image, mask, find_stars(image, mask))
    place = wcs.world_to_pixel_values(star["ra"], star["dec"])
    part = Cutout2D(image, tuple(float(one) for one in place), 21).data
    axis.imshow(
        part, norm=simple_norm(part, "asinh", vmin=-30, vmax=np.max(part), asinh_a=0.02),
        cmap="gray_r", origin="lower",
    )  # fmt: skip
    noise = mad_std(image[~mask])
    axis.set_title(f"{name}\nFWHM {psf.fwhm:.2f} px, noise {noise:.1f}")
    axis.set(xticks=[], yticks=[])

# %%
# Lanczos kernels keep the width of the stars and the noise of the pixels. The others smooth
# both: the noise of a pixel is less, but in an aperture it is the same, as neighbours share it.
# See :ref:`projection`.

r"""
From raw exposures to a catalogue
=================================

EMIR observes a field in several exposures, and moves the telescope a little between them. This
page takes such a sequence all the way: what is in the files, the reduction, how to judge
the result, the catalogue, and whether it is right.

The exposures are simulated, so that the truth is known in the end. With exposures of
your own, leave out the first step and put the name of your directory for ``data``. Here only
the central part of the detector is simulated, to be fast; nothing else is made easier.
"""

# %%
# The exposures
# -------------
#
# `~emirimg.simulation.write_tutorial` writes raw exposures, the master calibrations, a control
# file that names them, and the truth, as they would come from the observatory.

from pathlib import Path
from tempfile import mkdtemp

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.visualization import simple_norm
from photutils.aperture import CircularAperture, aperture_photometry

from emirimg import DitherReducer
from emirimg.alignment import find_stars, measure_psf
from emirimg.dither import check_exposures
from emirimg.io import (
    find_exposures,
    header_table,
    read_calibrations,
    read_frame,
    read_reference_catalogue,
)
from emirimg.objects import make_catalogue
from emirimg.simulation import Scene, Truth, write_tutorial

scene = Scene(
    seed=5, n_exposures=7, shape=(640, 640), dither_scale=0.6, n_stars=450, n_galaxies=60
)
data = Path(mkdtemp())
files = write_tutorial(data, scene)

# %%
# What is there
# -------------
#
# Raw exposures are recognised by their headers. The same table is printed by ``emirimg info``.

exposures = find_exposures(data)
header_table(exposures)["OBJECT", "FILTER", "EXPTIME", "IMGOBBL", "NIMGOBBL", "DATE-OBS"]

# %%
# Are they fit to be reduced? ``emirimg check`` asks the same. It looks for missing and odd
# exposures, saturation, pointings that cannot be true, and calibrations that do not fit.

check = check_exposures(data)
print("fit to be reduced:", check.works)
for finding in check.all_findings:
    print(finding.severity.name.lower(), "-", finding.text)

# %%
# A raw exposure shows the sky, a thousand times brighter than the galaxies behind it, the
# pattern of the pixels, bad pixels, and the brightest stars. The master flat and the bad-pixel
# mask deal with the pixels, but not with the sky.

raw = read_frame(exposures[3])
calibrations = read_calibrations(bad_pixels=files.bad_pixel_mask, dark=files.dark, flat=files.flat)
flattened = np.where(calibrations.bad_pixels, np.nan, raw.data / calibrations.flat.data)

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained", sharey=True)
for axis, image, title in (
    (axes[0], raw.data, "Raw exposure"),
    (axes[1], flattened, "Divided by the flat, bad pixels masked"),
):
    norm = simple_norm(image, "linear", percent=98)
    drawn = axis.imshow(image, norm=norm, cmap="gray_r", origin="lower")
    axis.set_title(title)
    figure.colorbar(drawn, ax=axis, label="ADU", shrink=0.8)

# %%
# The reduction
# -------------
#
# One object does it. `~emirimg.dither.DitherReducer` without arguments but the calibrations is
# what ``emirimg reduce data/ -o results`` does. A catalogue with known stars is optional: it
# gives the zero point and the absolute position. Here it is made of the truth; 2MASS or UKIDSS
# would do, from any table with right ascension, declination and magnitudes.

truth = Truth.read(data)
bright = (truth.catalogue["type"] == "star") & (truth.catalogue["flux"] > 3e3)
stars = truth.catalogue[bright]
stars["Jmag"] = 26.2 - 2.5 * np.log10(stars["flux"])
QTable(stars["ra", "dec", "Jmag"]).write(data / "reference.ecsv")

reducer = DitherReducer(
    calibrations=calibrations, catalogue=read_reference_catalogue(data / "reference.ecsv", "J")
)
result = reducer.reduce(exposures)
result

# %%
# The mosaic
# ----------
#
# The image is in ADU of one exposure, north is up and east to the left. With it come the
# variance of every pixel, the number of exposures, and a mask.

mosaic = result.mosaic
noise = np.sqrt(np.median(mosaic.variance[~mosaic.mask]))
figure = plt.figure(figsize=(9, 4.4), layout="constrained")
left = figure.add_subplot(1, 2, 1, projection=mosaic.grid.wcs)
right = figure.add_subplot(1, 2, 2, projection=mosaic.grid.wcs)
norm = simple_norm(mosaic.data, "asinh", vmin=-3 * noise, vmax=150 * noise, asinh_a=0.03)
left.imshow(np.where(mosaic.mask, np.nan, mosaic.data), norm=norm, cmap="gray_r", origin="lower")
left.set_title("Mosaic")
drawn = right.imshow(mosaic.coverage, cmap="GnBu", origin="lower")
right.set_title("Number of exposures")
right.coords[1].set_ticklabel_visible(False)
figure.colorbar(drawn, ax=right, shrink=0.8)
for axes in (left, right):
    axes.coords[0].set_axislabel("Right ascension")
    axes.coords[1].set_axislabel("Declination" if axes is left else " ")

# %%
# Was the night good, and the reduction right?
# --------------------------------------------
#
# Each exposure has a record: how far the pointing in its header was off, how well its stars
# agree with those of the others, the sky, the transparency, the seeing. An exposure that is
# worse than the others would be seen here.

frames = result.frame_table()
frames.round(4)
frames["shift", "residual", "n_matched", "sky_level", "transparency", "fwhm"]

# %%
# The same numbers of the mosaic. The depth is the magnitude of a star of 5 sigma;
# ``correlated_noise`` is by how much the noise in an aperture exceeds that of the single
# pixels, because neighbours share noise after resampling.

quality = result.quality
print(f"seeing            {quality.seeing:.2f}")
print(f"depth, 5 sigma    {quality.depth:.2f} mag")
print(f"zero point        {mosaic.header['MAGZERO']:.3f} mag")
print(f"correlated noise  {quality.correlated_noise:.3f}")

# %%
# Charts of all that are in `emirimg.report`, and on one page in the report that ``emirimg
# reduce`` writes (:ref:`report`). The background in blocks of 64 pixels should be noise without
# a pattern.

from emirimg.report import draw_noise, draw_residuals, sky_residual_map

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
draw_residuals(result.frames, axes[0])
draw_noise(quality, axes[1])
background = sky_residual_map(mosaic, result.objects)
drawn = axes[2].imshow(background, cmap="RdBu_r", vmin=-4, vmax=4, origin="lower")
axes[2].set_title("Background, blocks of 64 pixels")
figure.colorbar(drawn, ax=axes[2], label="ADU")

# %%
# The catalogue
# -------------
#
# Positions, fluxes and shapes of everything above 5 sigma. Errors are multiplied by the
# correlated noise, which the variance of single pixels does not know.

catalogue = make_catalogue(mosaic, zero_point=mosaic.header["MAGZERO"])
catalogue["flux_error"] *= quality.correlated_noise
catalogue["mag_error"] *= quality.correlated_noise
catalogue["id", "ra", "dec", "mag", "mag_error", "fwhm", "ellipticity"][:5]

# %%
# Kron apertures are made for galaxies and lose some light of faint stars. For stars, sum the
# pixels within the full width at half maximum and divide by the part of the light that the
# profile of the stars has there. Any tool of ``photutils`` takes the planes of the mosaic as
# they are.

psf = measure_psf(mosaic.data, mosaic.mask, find_stars(mosaic.data, mosaic.mask))
circles = CircularAperture(np.column_stack([catalogue["x"], catalogue["y"]]), psf.fwhm)
sums = aperture_photometry(mosaic.data, circles, error=np.sqrt(mosaic.variance), mask=mosaic.mask)
flux = np.asarray(sums["aperture_sum"]) / psf.enclosed(psf.fwhm)
error = np.asarray(sums["aperture_sum_err"]) / psf.enclosed(psf.fwhm) * quality.correlated_noise
catalogue["star_mag"] = mosaic.header["MAGZERO"] - 2.5 * np.log10(flux)
catalogue["star_mag_error"] = 2.5 / np.log(10) * error / flux

# %%
# And is it right? The truth is known: match it, and compare.

places = SkyCoord(catalogue["ra"], catalogue["dec"])
true = SkyCoord(stars["ra"], stars["dec"])
nearest, distance, _ = places.match_to_catalog_sky(true)
same = distance < 0.4 * u.arcsec
found, magnitude = catalogue[same], stars["Jmag"][nearest[same]]
difference = found["star_mag"] - magnitude
east, north = true[nearest[same]].spherical_offsets_to(places[same])

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].errorbar(
    magnitude, difference, found["star_mag_error"], fmt="o", ms=3, lw=0.8, color="#2a7fc4"
)
axes[0].axhline(0, color="0.5", lw=0.8)
axes[0].set(xlabel="True magnitude", ylabel="Measured - true", ylim=(-0.35, 0.35))
axes[1].plot(east.to(u.mas), north.to(u.mas), "o", ms=3, color="#2a7fc4")
axes[1].axhline(0, color="0.5", lw=0.8)
axes[1].axvline(0, color="0.5", lw=0.8)
axes[1].set(
    xlabel="East (mas)", ylabel="North (mas)", xlim=(120, -120), ylim=(-120, 120), aspect="equal"
)
print(f"{len(found)} stars, median difference {np.median(difference):+.3f} mag")

# %%
# Stars that are off have a neighbour or a galaxy within the aperture.

# %%
# Files
# -----
#
# One FITS file holds it all, and ``astropy.nddata.CCDData.read`` opens it. Its headers and
# tables say what was done with which files.

path = result.write(data / "mosaic.fits")
print(path.name, f"{path.stat().st_size / 1e6:.1f} MB")

# %%
# From here: the :ref:`gallery <gallery>` shows what each step is good for, :ref:`user-guide`
# how it is done, and :ref:`strategies` how to replace it.

"""How well two images of the same exposures agree."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std


@dataclass(frozen=True)
class Agreement:
    """Differences of two images, in units of the noise of a pixel.

    ``rms`` is that of the data, ``same`` the fraction of the pixels in which
    the masks (or the numbers of exposures) are equal.
    """

    same_grid: bool
    rms: float
    same: float

    def __str__(self):
        grid = "yes" if self.same_grid else "NO"
        return f"{grid:>4}  {self.rms:7.4f}  {100 * self.same:8.3f}"


HEADING = "same grid; rms difference in units of the noise of a pixel; equal mask or MAP (%)"


def compare_positions(ours, theirs):
    """Compare two results of the mode STARE_IMAGE."""
    with fits.open(ours) as a, fits.open(theirs) as b:
        bad_a, bad_b = a["BPM"].data != 0, b["BPM"].data != 0
        good = ~bad_a & ~bad_b
        first, second = a[0].data.astype(float), b[0].data.astype(float)
        header = b[0].header
        rms = np.sqrt(np.mean((first - second)[good] ** 2)) / exposure_noise(second, good, header)
        return Agreement(
            same_grid=_same_wcs(a[0].header, b[0].header)
            and ("ICHANNEL" in a) == ("ICHANNEL" in b),
            rms=float(rms),
            same=float(np.mean(bad_a == bad_b)),
        )


def compare_mosaics(ours, theirs, *, least_covered=0.0):
    """Compare two results of the mode FULL_DITHERED_IMAGE.

    Compared are the pixels with at least the fraction ``least_covered`` of the
    exposures.
    """
    with fits.open(ours) as a, fits.open(theirs) as b:
        first, second = a[0].data.astype(float), b[0].data.astype(float)
        if first.shape != second.shape:
            return Agreement(same_grid=False, rms=np.inf, same=0.0)
        n_a, n_b = (hdus["MAP"].data.astype(int) for hdus in (a, b))
        most = n_b.max()
        noise = pixel_noise(second, (n_a == most) & (n_b == most))
        used = (n_a > 0) & (n_b >= max(1, least_covered * most))
        # Fewer exposures have more noise.
        scaled = (first - second)[used] / noise * np.sqrt(n_b[used] / most)
        return Agreement(
            same_grid=_same_wcs(a[0].header, b[0].header),
            rms=float(np.sqrt(np.mean(scaled**2))),
            same=float(np.mean(n_a == n_b)),
        )


def exposure_noise(image, good, header):
    """Return the noise of a pixel of an exposure, before any resampling: photons and read-out."""
    return np.sqrt(np.median(image[good]) / header["GAIN"] + header["RDNOISE"] ** 2)


def pixel_noise(image, good):
    """Return the noise of a pixel: from differences of pixels two columns apart."""
    differences = (image[:, 2:] - image[:, :-2])[good[:, 2:] & good[:, :-2]]
    return mad_std(differences) / np.sqrt(2)


def _same_wcs(first, second):
    keys = ["CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "PV2_1"]
    equal = all(np.isclose(first[key], second[key], rtol=1e-12) for key in keys)
    return equal and all(f"PV2_{i}" not in header for header in (first, second) for i in (2, 3, 5))

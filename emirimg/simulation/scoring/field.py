"""A mosaic, its truth, and which of the stars and pixels are fit for which measurement."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.spatial import cKDTree

from ...instrument import pixel_scale
from ..pointing import jacobian
from ..profiles import psf_image
from ..randomness import Purpose, generator
from ..truth import Truth
from .ideal import IdealStack, ideal_stack
from .image import ScoredImage
from .measure import (
    annulus_level,
    aperture_sum,
    fit_moffat,
    matched_filter,
)
from .registration import find_shift

__all__ = ["BORDER", "WELL_COVERED", "Field", "StarProfile"]

WELL_COVERED = 0.7
"""Least part of the exposures in the well-covered area."""
BORDER = 0.5
"""Greatest part of the exposures in the border."""

_BRIGHT = 100.0
_INVISIBLE = 0.1
"""A pixel is empty where the true sources stay below this part of the ideal noise."""


@dataclass(frozen=True)
class StarProfile:
    """What the measurements give for a star of flux 1 in each exposure, shape (n,).

    Parameters
    ----------
    aperture : `~numpy.ndarray`
        Flux in the aperture of 1.5 FWHM, the level of the annulus subtracted.
    filtered : `~numpy.ndarray`
        Peak in the matched filter, the level of the annulus subtracted.
    fwhm : `~numpy.ndarray`
        Width that the fit finds, in pixels.
    """

    aperture: NDArray[np.float64]
    filtered: NDArray[np.float64]
    fwhm: NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """Everything that the figures of merit share.

    Parameters
    ----------
    image : ScoredImage
        The mosaic; its WCS is corrected for the global shift.
    ideal : IdealStack
        The ideal stack on the same pixels.
    shift : `~astropy.units.Quantity`
        The global shift that was removed (east, north), measured minus true.
    fwhm : float
        Width of the mean point-spread function by the same fit as the stars', in pixels.
    profile : StarProfile
        What each exposure contributes to a star.
    positions : `~numpy.ndarray`
        True (x, y) of all sources of the catalogue, shape (n, 2).
    weights : `~numpy.ndarray`
        Weight of each exposure in each source, shape (n, n_exposures), sum 1 or 0.
    snr : `~numpy.ndarray`
        Ideal signal-to-noise ratio of each source, were it a star, in the
        photometric aperture.
    stars : `~numpy.ndarray` of int
        Indices of the isolated bright stars.
    empty : `~numpy.ndarray` of bool
        Pixels with a value and without light of a true source.
    """

    image: ScoredImage
    ideal: IdealStack
    shift: u.Quantity
    fwhm: float
    profile: StarProfile
    positions: NDArray[np.float64]
    weights: NDArray[np.float64]
    snr: NDArray[np.float64]
    stars: NDArray[np.int_]
    empty: NDArray[np.bool_]

    @classmethod
    def prepare(
        cls,
        image: ScoredImage,
        truth: Truth,
        *,
        ideal: IdealStack | None = None,
        executor: Executor | None = None,
    ) -> Self:
        """Place the truth on an image.

        Parameters
        ----------
        image : ScoredImage
            The mosaic.
        truth : Truth
            Its truth.
        ideal : IdealStack, optional
            The ideal stack on the same grid; the image is then not shifted
            against it. Default: it is made.
        executor : `concurrent.futures.Executor`, optional
            Where the work is done. Default: threads.
        """
        image = image.cleaned()
        scale = pixel_scale(image.wcs).to_value(u.arcsec)
        seeing = float(np.sum(truth.weights * truth.frames["fwhm"].to_value(u.arcsec))) / scale
        shift = find_shift(image, truth, seeing)
        image = image.moved(shift)
        centre = np.array(image.data.shape[::-1]) / 2
        to_sky = jacobian(image.wcs, *centre[:, None])[0]
        if ideal is None:
            ideal = ideal_stack(truth, image.grid, executor=executor)
        psfs = [
            psf_image(truth.psf(index), to_sky, int(8 * seeing))
            for index in range(truth.scene.n_exposures)
        ]
        mean = np.tensordot(truth.weights.astype(np.float32), psfs, axes=1)
        middle = np.full(2, mean.shape[0] // 2, dtype=float)
        fwhm = fit_moffat(mean, middle, seeing, 0.0)[0]
        profile = _profile(psfs, fwhm)

        catalogue = truth.catalogue
        sky = catalogue["ra"].to_value(u.deg), catalogue["dec"].to_value(u.deg)
        positions = np.transpose(image.wcs.wcs_world2pix(*sky, 0))
        weights = _source_weights(truth, sky)
        snr = _expected_snr(truth, ideal, positions, fwhm)
        return cls(
            image=image,
            ideal=ideal,
            shift=(to_sky @ shift) * u.arcsec,
            fwhm=fwhm,
            profile=profile,
            positions=positions,
            weights=weights,
            snr=snr,
            stars=_isolated_bright_stars(image, truth, positions, snr, fwhm),
            empty=_without_light(image, ideal, ideal.model),
        )

    @property
    def truth(self) -> Truth:
        """Truth of the simulation."""
        return self.ideal.truth

    @property
    def covered(self) -> NDArray[np.float64]:
        """Part of the exposures that show each source of the catalogue."""
        return (self.weights > 0).sum(axis=1) / self.truth.on_target.sum()

    def stars_in(self, low: float, high: float = np.inf) -> NDArray[np.int_]:
        """Return the isolated bright stars on a part of the exposures from low to below high."""
        covered = self.covered[self.stars]
        return self.stars[(covered >= low) & (covered < high)]

    def area(self, low: float, high: float = np.inf) -> NDArray[np.bool_]:
        """Return the pixels on a part of the exposures from low to below high."""
        fraction = self.ideal.fraction
        return (fraction >= low) & (fraction < high) & ~self.image.mask & (fraction > 0)

    def expected(self, per_exposure: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a property of the exposures' stars is in the mean, for each source."""
        return self.weights @ per_exposure

    def without_sources(self, flux_scale: float) -> NDArray[np.float32]:
        """Return the image without the true light, of use where that is faint."""
        seen = ~self.image.mask
        return self.image.data - np.float32(flux_scale) * self.ideal.model * seen

    def without_light(self, model: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the pixels with a value in which the light of a model does not show."""
        return _without_light(self.image, self.ideal, model)

    def empty_places(
        self, radius: float, area: NDArray[np.bool_], number: int
    ) -> NDArray[np.int_]:
        """Draw pixels (x, y) in an area, with nothing but empty pixels within a radius."""
        free = (distance_transform_edt(self.empty) > radius + 1) & area
        edge = int(np.ceil(radius)) + 1
        free[:edge] = free[-edge:] = False
        free[:, :edge] = free[:, -edge:] = False
        pixels = np.flatnonzero(free)
        if pixels.size == 0:
            return np.empty((0, 2), dtype=int)
        random = generator(self.truth.scene.seed, Purpose.APERTURES)
        chosen = random.choice(pixels, min(number, pixels.size), replace=False)
        y, x = np.unravel_index(chosen, free.shape)
        return np.transpose([x, y])


def _without_light(
    image: ScoredImage, ideal: IdealStack, model: NDArray[np.float32]
) -> NDArray[np.bool_]:
    light = model > _INVISIBLE * np.sqrt(np.where(image.mask, 1, ideal.variance))
    return ~(image.mask | light | ~np.isfinite(ideal.variance))


def _profile(psfs: list[NDArray[np.float32]], fwhm: float) -> StarProfile:
    centre = np.full((1, 2), psfs[0].shape[0] // 2, dtype=float)
    levels = [annulus_level(psf, centre, fwhm, None)[0] for psf in psfs]
    radius = 1.5 * fwhm
    aperture = [
        aperture_sum(psf, centre, radius)[0] - np.pi * radius**2 * level
        for psf, level in zip(psfs, levels, strict=True)
    ]
    middle = psfs[0].shape[0] // 2
    filtered = [
        matched_filter(psf, fwhm)[middle, middle] - level
        for psf, level in zip(psfs, levels, strict=True)
    ]
    widths = [fit_moffat(psf, centre[0], fwhm, 0.0)[0] for psf in psfs]
    return StarProfile(np.array(aperture), np.array(filtered), np.array(widths))


def _source_weights(
    truth: Truth, sky: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64]:
    ny, nx = truth.scene.frame_shape
    weights = np.zeros((len(sky[0]), truth.scene.n_exposures))
    for index, weight in enumerate(truth.weights):
        x, y = truth.wcs(index).wcs_world2pix(*sky, 0)
        weights[:, index] = weight * ((x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1))
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=weights, where=total > 0)


def _expected_snr(
    truth: Truth, ideal: IdealStack, positions: NDArray[np.float64], fwhm: float
) -> NDArray[np.float64]:
    """Ideal signal-to-noise ratio of a star in the photometric aperture of 1.5 FWHM."""
    flux = np.asarray(truth.catalogue["flux"])
    x, y = np.rint(positions).astype(int).T
    ny, nx = ideal.grid.shape
    inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
    variance = np.full(flux.shape, np.inf)
    variance[inside] = ideal.variance[y[inside], x[inside]]
    coverage = np.zeros(flux.shape)
    coverage[inside] = ideal.coverage[y[inside], x[inside]]
    sky = variance * np.pi * (1.5 * fwhm) ** 2
    photons = flux / (truth.scene.gain * np.maximum(coverage, 1))
    return flux / np.sqrt(sky + photons)


def _isolated_bright_stars(
    image: ScoredImage,
    truth: Truth,
    positions: NDArray[np.float64],
    snr: NDArray[np.float64],
    fwhm: float,
) -> NDArray[np.int_]:
    """Stars with S/N > 100 and no neighbour above 2 % within 3 FWHM + 1.5 arcsec."""
    flux = np.asarray(truth.catalogue["flux"])
    reach = 3 * fwhm + 1.5 / pixel_scale(image.wcs).to_value(u.arcsec)
    # A galaxy reaches further than its centre.
    sizes = truth.catalogue["radius"] / pixel_scale(image.wcs)
    tree = cKDTree(positions)
    largest = 3 * float(np.max(sizes, initial=0.0))
    edge = 6 * fwhm
    ny, nx = image.data.shape
    usable = binary_dilation(image.mask, iterations=int(np.ceil(1.5 * fwhm)))
    chosen = []
    for index in np.flatnonzero((truth.catalogue["type"] == "star") & (snr > _BRIGHT)):
        x, y = positions[index]
        if not (edge < x < nx - 1 - edge and edge < y < ny - 1 - edge):
            continue
        # Peak and wings of a star at the limit of what the detector can count are lost.
        if usable[round(y), round(x)] or flux[index] > truth.scene.brightest:
            continue
        near = [n for n in tree.query_ball_point((x, y), reach + largest) if n != index]
        distance = np.hypot(*(positions[near] - positions[index]).T)
        disturbs = (flux[near] > 0.02 * flux[index]) & (
            distance < reach + 3 * sizes[near].to_value(u.dimensionless_unscaled)
        )
        if not disturbs.any():
            chosen.append(index)
    return np.array(chosen, dtype=int)

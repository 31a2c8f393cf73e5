"""The alignment of frames by their own stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.typing import NDArray
from pydantic import Field

from .._lazy import materialised
from .._parallel import parallel_map
from .._strategy import Strategy, quantity_field
from ..instrument import ExposureMetadata, pixel_area, pixel_scale
from ..stack import DitherStack
from .distortion import corrected_distortion, find_distortion
from .fallbacks import with_fallbacks
from .matching import moving
from .plane import pointing_shift, wcss_of
from .psf import MoffatPSF, measure_psf
from .registration import Registration, register
from .solution import Alignment
from .star_list import StarFlag, StarList
from .stars import find_stars
from .transparency import relative_transparency

__all__ = ["StarAlignment"]

_SATURATED = 0.8
"""Part of the detector's saturation level that may be left after the sky is subtracted."""
_PLENTY = 10


class StarAlignment(Strategy):
    """Place every frame by matching its stars to those of all frames together.

    Parameters
    ----------
    threshold : float
        Least height of a star above the noise of the smoothed frame.
        Default: 8.
    seeing : `~astropy.units.Quantity`
        Expected full width at half maximum of the stars, within a factor of
        two. Default: 0.8 arcsec.
    max_shift : `~astropy.units.Quantity`
        Largest error of a header's pointing, relative to the median of the
        frames. Larger solutions are refused. Default: 15 arcsec.
    max_stars : int
        How many of the brightest stars of a frame to use. Default: 1500.
    min_stars : int
        Frames with fewer matched stars are not placed by them. At least 2, as
        one star fits anywhere. Default: 2.
    saturation : float or None
        Stars with a pixel from this value on (in the unit of the frames, above
        the sky) are left out. Default: 0.8 of the saturation level of the
        detector.

    correct_distortion : bool
        Whether the distortion of the headers is corrected where the stars show that
        it is wrong. Default: yes.

    Notes
    -----
    1. Stars are found in each frame by `find_stars` and carried through the
       distorted WCS of the frame to a common tangent plane.
    2. A coarse shift is voted for by all pairs of bright stars. It is refused
       if as many votes would agree by accident in more than 1 % of fields:
       so two stars are enough in an empty field, and not in a crowded one.
    3. The shifts of all frames and the positions of all stars are solved for
       together by robust weighted least squares, so that no frame plays a
       special role. The standard error of the position of a frame is close to
       its residual divided by the root of the number of its stars.
    4. Rotation and scale are solved for only where a frame has at least six
       well-spread stars, and applied only where they exceed 8 standard errors
       and move the rim of the frame by 0.03 pixel.
    5. The median correction of the pointings is 0: the headers together are a
       better guess of the absolute position than any one of them.

    The pointing (CRVAL) is corrected; the distortion stays centred on its
    reference pixel. What happens to a frame that the stars cannot place depends on
    the others. Where they are held by few stars themselves (fewer than six on
    average), it gets the correction of its neighbours in time, interpolated, unless
    the pointing jumps by more than a pixel from frame to frame. Otherwise it is left
    out of the mosaic: it should show the same stars, and does not, or shows them
    elsewhere. If no frame can be placed all keep their headers. All this is told by
    an `~emirimg.exceptions.AlignmentWarning` and in ``Alignment.methods``
    (``"stars"``, ``"interpolated"``, ``"left out"``, ``"header"``).

    Before, detections that stay on the same pixels of the detector while the
    telescope moves (hot pixels, reflections) are taken out of the lists of stars. The
    distortion is that of the headers, unless stars that were left out of the fit are
    predicted significantly better by another one; see `Distortion`.

    The transparency comes from the fluxes of the matched stars within 2.5 FWHM,
    corrected to their whole light. The reference is the frame with the largest
    transparency divided by seeing and noise.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import StarAlignment
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=80, n_galaxies=0, dither_scale=0.3)
    >>> frames = [scene.exposure(index) for index in range(3)]
    >>> for frame in frames:
    ...     frame.data -= np.median(frame.data)
    >>> alignment = StarAlignment()(DitherStack.from_frames(frames))
    >>> errors = [scene.truth.frames["error_x"], scene.truth.frames["error_y"]]
    >>> wrong = alignment.shifts - np.transpose(errors)  # an offset common to all remains
    >>> bool(np.abs(wrong - wrong.mean(axis=0)).max() < 0.1)
    True
    """

    name: Literal["stars"] = "stars"
    threshold: float = Field(default=8.0, ge=4)
    seeing: quantity_field(u.arcsec) = 0.8 * u.arcsec
    max_shift: quantity_field(u.arcsec) = 15 * u.arcsec
    max_stars: int = Field(default=1500, ge=10)
    min_stars: int = Field(default=2, ge=2)
    saturation: float | None = Field(default=None, gt=0)
    correct_distortion: bool = True

    def __call__(self, stack: DitherStack, /) -> Alignment:
        """Place the sky-subtracted frames of a stack.

        Raises
        ------
        AlignmentError
            If a frame has no WCS.
        """
        wcss = wcss_of(stack)
        measured = parallel_map(self._measure, stack, stack.metadata)
        lists = _moving([_usable(frame.stars) for frame in measured], stack)
        limits = {
            "max_shift": self.max_shift.to_value(u.arcsec),
            "min_stars": self.min_stars,
        }
        headers, distortion = wcss, None
        found = register(lists, headers, stack.shape, **limits)
        if self.correct_distortion:
            distortion = find_distortion(lists, wcss, stack.shape, found=found, **limits)
        if distortion is not None:
            headers = [corrected_distortion(w, distortion.parameters, stack.shape) for w in wcss]
            found = register(lists, headers, stack.shape, **limits)
        corrected, methods = with_fallbacks(stack, headers, found)
        scales = u.Quantity([_scale(wcs, stars) for wcs, stars in zip(wcss, lists, strict=True)])
        transparency = _transparency(lists, measured, found)
        fwhm = np.array([frame.psf.fwhm for frame in measured])
        noise = np.array([frame.stars.noise for frame in measured])
        return Alignment(
            wcss=tuple(corrected),
            methods=methods,
            shifts=np.array(
                [pointing_shift(old, new) for old, new in zip(headers, corrected, strict=True)]
            ),
            residuals=found.rms * u.arcsec,
            n_matched=found.n_matched,
            transparency=transparency,
            fwhm=fwhm * scales,
            ellipticity=np.array([frame.psf.ellipticity for frame in measured]),
            reference=_best(transparency / (fwhm * noise), found.placed),
            distortion=distortion,
        )

    def _measure(self, frame: CCDData, metadata: ExposureMetadata) -> _Measured:
        limit = self.saturation or _SATURATED * metadata.detector.saturation
        frame = materialised(frame)
        variance = None if frame.uncertainty is None else _variance(frame)
        stars = find_stars(
            frame.data,
            frame.mask,
            variance,
            threshold=self.threshold,
            fwhm=(self.seeing / pixel_scale(frame.wcs)).to_value(u.dimensionless_unscaled),
            max_stars=self.max_stars,
            saturation=limit,
        )
        return _Measured(stars, measure_psf(frame.data, frame.mask, stars))


@dataclass(frozen=True)
class _Measured:
    stars: StarList
    psf: MoffatPSF


def _variance(frame: CCDData) -> NDArray[np.float32]:
    return frame.uncertainty.represent_as(VarianceUncertainty).array


def _scale(wcs: WCS, stars: StarList) -> u.Quantity:
    """Return the pixel scale where the stars are: the distortion changes it by 6 %."""
    scale = pixel_scale(wcs).to(u.arcsec)
    if len(stars) == 0:
        return scale
    return scale * np.sqrt(np.median(pixel_area(wcs, stars.x, stars.y)))


def _usable(stars: StarList) -> StarList:
    """Return the stars without flags or, if they are few, all that are not spoilt."""
    if stars.good.sum() >= _PLENTY:
        return stars.select(stars.good)
    spoilt = StarFlag.SATURATED | StarFlag.MASKED
    return stars.select((stars.flags & spoilt) == 0)


def _moving(lists: list[StarList], stack: DitherStack) -> list[StarList]:
    """Leave out what stays on its pixels while the telescope moves: those are no stars."""
    places = [np.column_stack([stars.x, stars.y]) for stars in lists]
    return [
        stars.select(which)
        for stars, which in zip(lists, moving(places, stack.pointings), strict=True)
    ]


def _transparency(
    lists: list[StarList], measured: list[_Measured], found: Registration
) -> NDArray[np.float64]:
    """Compare the whole light of the stars that hold the frames in their places."""
    betas = [frame.psf.beta for frame in measured if np.isfinite(frame.psf.beta)]
    shape = found.numbers.shape
    flux, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for index, (stars, frame) in enumerate(zip(lists, measured, strict=True)):
        used = found.numbers[index] >= 0
        number = found.numbers[index, used]
        # One exponent for all frames: the fits of single ones are noisier.
        part = 1.0
        if np.isfinite(frame.psf.fwhm):
            psf = MoffatPSF(frame.psf.fwhm, float(np.median(betas)), 0.0, 0.0, 0)
            part = psf.enclosed(stars.aperture)
        flux[index, used] = stars.flux[number] / part
        error[index, used] = stars.flux_error[number] / part
    return relative_transparency(flux, error)


def _best(merit: NDArray[np.float64], placed: NDArray[np.bool_]) -> int:
    merit = np.where(placed & np.isfinite(merit), merit, -np.inf)
    return int(np.argmax(merit))

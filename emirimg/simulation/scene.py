"""The description of a simulated observation."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, Self

import astropy.units as u
from astropy.nddata import CCDData
from pydantic import Field, model_validator

from .._strategy import Strategy, quantity_field
from ..instrument import DETECTORS, Detector
from .calibrations import CalibrationFrames, calibration_frames
from .exposure import make_exposure
from .truth import Truth, make_truth

__all__ = ["Scene"]


class Scene(Strategy):
    """A field of stars and galaxies, the weather and the faults of the camera.

    A scene is immutable. Equal scenes give the same bits: every exposure has
    its own random numbers, so the order in which exposures are made does not
    matter. With the defaults, a scene is the 7-point dither pattern, observed
    twice, of the imaging tutorial.

    Parameters
    ----------
    seed : int
        Seed of all random numbers.
    realisation : int
        Number of the photon and read noise: scenes that differ only in it are
        the same observation with other noise.
    detector : {"HAWAII-2", "H2RG"}
        Which detector takes the exposures.
    n_exposures : int
        Number of exposures, repeats included.
    repeats : int
        Exposures (NEXP) at each place of the dither pattern.
    nod_every : int
        After so many exposures of the field, as many are taken of the sky
        beside it, and so on; 0: none. They count as exposures, and follow
        the same dither pattern.
    nod_distance : `~astropy.units.Quantity`
        How far to the north that is.
    nod_object : {"same", "sky"}
        Whether OBJECT of the exposures beside the field is the same, or has
        the word SKY added.
    dither_scale : float
        Factor on the offsets of the dither pattern, which reach 36 arcsec.
    shape : tuple of int, optional
        Shape (ny, nx) of the central part of the detector that is simulated.
        Default: all of it.
    n_stars : int
        Stars on the whole field of the mosaic. The cumulative number falls
        as flux**-0.6 from the ``faintest`` to the ``brightest``, and every second
        star is drawn from a uniform distribution of magnitudes instead.
    n_galaxies : int
        Galaxies on the field: exponential discs and de Vaucouleurs spheroids.
    faintest, brightest : float
        Limits of the fluxes, in ADU for each exposure.
    n_saturated : int
        Additional stars that saturate the detector.
    big_galaxy : bool
        Whether a bright spiral lies near the centre.
    big_galaxy_radius : `~astropy.units.Quantity`
        Its half-light radius. Its surface brightness, a tenth of the sky
        in the mean of that radius, does not depend on it.
    seeing : `~astropy.units.Quantity`
        Mean full width at half maximum of a star.
    seeing_scatter : float
        Relative rms from exposure to exposure.
    moffat_beta : float
        Exponent of the stars' Moffat profile.
    ellipticity : float
        1 - b/a of the stars; the position angle changes with the exposure.
    sky : float
        Mean sky level, in ADU for each exposure and pixel of mean size.
    sky_drift : float
        Relative change of the sky level over the sequence.
    transparency_scatter : float
        Relative rms of the transparency, from exposure to exposure.
    clouds : float
        Largest extinction, in magnitudes, by clouds that pass.
    pixel_flat : float
        Rms of the response from pixel to pixel, known to the master flat.
    illumination : float
        Peak-to-valley of the smooth response that the master flat lacks.
    doughnut : float
        Peak of the ring of scattered light, relative to the sky level.
    bad_pixels : float
        Fraction of the pixels that are bad and in the bad-pixel mask. (The
        mask of the H2RG is empty and it has none of these.)
    hidden_bad_pixels : float
        Fraction of the pixels that are hot, dead or noisy, and not in it.
    bleeding : float
        Part of the charge above saturation that flows to the pixels around.
    persistence : float
        Part of the charge of well-filled pixels that is left in the next
        exposure; half of it in the one after that, and so on.
    cosmic_rays : int
        Cosmic rays in each exposure.
    trails : int
        Satellites that cross the field, each in one exposure.
    pointing_error : float
        Distance, in pixels, between the header's pointing and the true one.
    pointing_drift : float
        Change of that error, in pixels for each exposure.
    pointing_jitter : float
        Rms, in pixels and per axis, of its random part.
    distortion_error : float
        Relative error of the distortion (PV2_3) in the header.
    quadrant_background : float
        Amplitude, in ADU, of the false background of the quadrants in the
        first two exposures (HAWAII-2).
    channel_pedestal : float
        Rms, in ADU, of the pedestals of the channels (H2RG).
    striping : float
        Rms, in ADU, of the levels of lines of pixels: rows, and in the
        quadrants of the HAWAII-2 with horizontal channels columns.
    exposure_time : `~astropy.units.Quantity`
        Time of one exposure.
    filter_name : str
        Name of the filter.
    gain : float
        Electrons for each ADU.
    read_noise : float
        Rms, in ADU.
    dark_current : float
        ADU for each second and pixel; known to the master dark.
    dtype : {"float32", "int32"}
        Type of the pixels of an exposure.

    Examples
    --------
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(64, 64), n_stars=20, n_galaxies=3, dither_scale=0.1)
    >>> raw = scene.with_clouds(0.5).exposure(0)
    >>> raw.shape, raw.unit, raw.header["OBJECT"]
    ((64, 64), Unit("adu"), 'TEST')
    """

    seed: int = Field(default=1, ge=0)
    realisation: int = Field(default=0, ge=0)
    detector: Literal["HAWAII-2", "H2RG"] = "HAWAII-2"
    n_exposures: int = Field(default=14, ge=1)
    repeats: int = Field(default=1, ge=1)
    nod_every: int = Field(default=0, ge=0)
    nod_distance: quantity_field(u.arcsec) = 600 * u.arcsec
    nod_object: Literal["same", "sky"] = "same"
    dither_scale: float = Field(default=1.0, ge=0)
    shape: tuple[int, int] | None = None
    n_stars: int = Field(default=1500, ge=0)
    n_galaxies: int = Field(default=250, ge=0)
    faintest: float = Field(default=80.0, gt=0)
    brightest: float = Field(default=8e5, gt=0)
    n_saturated: int = Field(default=0, ge=0)
    big_galaxy: bool = False
    big_galaxy_radius: quantity_field(u.arcsec) = 12 * u.arcsec
    seeing: quantity_field(u.arcsec) = 0.8 * u.arcsec
    seeing_scatter: float = Field(default=0.10, ge=0, lt=0.3)
    moffat_beta: float = Field(default=3.0, gt=1.5)
    ellipticity: float = Field(default=0.03, ge=0, lt=0.9)
    sky: float = Field(default=3000.0, ge=0)
    sky_drift: float = Field(default=0.15, gt=-1, lt=1)
    transparency_scatter: float = Field(default=0.015, ge=0, lt=0.2)
    clouds: float = Field(default=0.0, ge=0)
    pixel_flat: float = Field(default=0.03, ge=0, lt=0.2)
    illumination: float = Field(default=0.05, ge=0, lt=0.5)
    doughnut: float = Field(default=0.10, ge=0)
    bad_pixels: float = Field(default=0.01, ge=0, lt=0.5)
    hidden_bad_pixels: float = Field(default=0.0005, ge=0, lt=0.5)
    bleeding: float = Field(default=0.0, ge=0, le=1)
    persistence: float = Field(default=0.0, ge=0, lt=0.1)
    cosmic_rays: int = Field(default=150, ge=0)
    trails: int = Field(default=0, ge=0)
    pointing_error: float = Field(default=6.0, ge=0)
    pointing_drift: float = Field(default=0.4, ge=0)
    pointing_jitter: float = Field(default=0.3, ge=0)
    distortion_error: float = Field(default=0.0, gt=-1, lt=1)
    quadrant_background: float = Field(default=60.0, ge=0)
    channel_pedestal: float = Field(default=15.0, ge=0)
    striping: float = Field(default=0.0, ge=0)
    exposure_time: quantity_field(u.s) = 29.99926 * u.s
    filter_name: str = "F1230"
    gain: float = Field(default=5.0, gt=0)
    read_noise: float = Field(default=5.69, gt=0)
    dark_current: float = Field(default=0.0, ge=0)
    dtype: Literal["float32", "int32"] = "float32"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.faintest >= self.brightest:
            msg = f"faintest ({self.faintest}) must be below brightest ({self.brightest})"
            raise ValueError(msg)
        if self.nod_every % self.repeats:
            msg = f"nod_every ({self.nod_every}) must be a multiple of repeats ({self.repeats})"
            raise ValueError(msg)
        if self.shape is not None:
            whole = self.device.shape
            if not all(8 <= part <= full for part, full in zip(self.shape, whole, strict=True)):
                msg = f"shape must lie between (8, 8) and {whole}, got {self.shape}"
                raise ValueError(msg)
        return self

    def replace(self, **changes: Any) -> Self:
        """Return the same scene with other parameters.

        Parameters
        ----------
        **changes
            Parameters of `Scene`; they are checked as at construction.

        Returns
        -------
        Scene

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> Scene().replace(seed=7, seeing="1.1 arcsec").seeing
        <Quantity 1.1 arcsec>
        """
        return type(self)(**{**dict(self), **changes})

    def with_stars(self, n_stars: int, *, n_saturated: int = 0) -> Self:
        """Return the scene with that many stars.

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> Scene().with_stars(8000, n_saturated=2).n_saturated
        2
        """
        return self.replace(n_stars=n_stars, n_saturated=n_saturated)

    def with_galaxies(self, n_galaxies: int, *, big_galaxy: bool = False) -> Self:
        """Return the scene with that many galaxies.

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> Scene().with_galaxies(20, big_galaxy=True).big_galaxy
        True
        """
        return self.replace(n_galaxies=n_galaxies, big_galaxy=big_galaxy)

    def with_clouds(self, extinction: float) -> Self:
        """Return the scene under clouds of at most ``extinction`` magnitudes."""
        return self.replace(clouds=extinction)

    def without_faults(self) -> Self:
        """Return the scene as an ideal camera on an ideal mount sees it.

        Sky, distortion, photon and read noise remain.

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> ideal = Scene().without_faults()
        >>> ideal.bad_pixels, ideal.cosmic_rays, ideal.pointing_error
        (0.0, 0, 0.0)
        """
        return self.replace(
            **dict.fromkeys(
                (
                    "pixel_flat", "illumination", "doughnut", "bad_pixels", "hidden_bad_pixels",
                    "bleeding", "persistence", "cosmic_rays", "trails", "pointing_error",
                    "pointing_drift", "pointing_jitter", "distortion_error",
                    "quadrant_background", "channel_pedestal", "striping", "dark_current",
                ),
                0,
            )
        )  # fmt: skip

    def with_sky_exposures(self, nod_every: int = 1, *, nod_object: str = "same") -> Self:
        """Return the scene with as many exposures of the blank sky beside the field.

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> Scene(n_exposures=3).with_sky_exposures().truth.on_target
        array([ True, False,  True, False,  True, False])
        """
        return self.replace(
            n_exposures=2 * self.n_exposures, nod_every=nod_every, nod_object=nod_object
        )

    @property
    def device(self) -> Detector:
        """The detector that takes the exposures."""
        return next(device for device in DETECTORS if device.name == self.detector)

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape (ny, nx) of an exposure."""
        return self.device.shape if self.shape is None else self.shape

    @property
    def truth(self) -> Truth:
        """What the exposures are made of."""
        return _truth(self)

    def exposure(self, index: int) -> CCDData:
        """Make one raw exposure.

        Parameters
        ----------
        index : int
            Number of the exposure, from 0.

        Returns
        -------
        `~astropy.nddata.CCDData`
            Raw exposure in ADU, shape (ny, nx), with the header of an EMIR
            exposure and the (slightly wrong) WCS of that header.

        Raises
        ------
        IndexError
            If the scene has no such exposure.
        """
        if not 0 <= index < self.n_exposures:
            msg = f"index must lie between 0 and {self.n_exposures - 1}, got {index}"
            raise IndexError(msg)
        return make_exposure(self.truth, index)

    def calibrations(self) -> CalibrationFrames:
        """Make the master bad-pixel mask, dark and flat.

        Examples
        --------
        >>> from emirimg.simulation import Scene
        >>> masters = Scene(shape=(64, 64)).calibrations()
        >>> masters.flat.shape, masters.bad_pixel_mask.data.dtype.name
        ((64, 64), 'uint8')
        """
        return calibration_frames(self.truth)


@lru_cache(maxsize=3)
def _truth(scene: Scene) -> Truth:
    return make_truth(scene)

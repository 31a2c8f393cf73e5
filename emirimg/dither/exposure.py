"""The calibration of one exposure."""

from __future__ import annotations

from dataclasses import replace

from astropy.nddata import CCDData

from ..calibration import Calibrations, ExposureNoise, calibrate, calibrate_values
from ..instrument import ExposureMetadata, read_metadata

__all__ = ["ExposureReducer"]


class ExposureReducer:
    """Calibrate raw exposures: bad pixels, dark, flat, noise.

    Parameters
    ----------
    calibrations : Calibrations, optional
        Bad-pixel mask, dark and flat. Default: none of them.
    gain : float, optional
        Electrons per ADU. Default: the header's, or that of the detector.
    read_noise : float, optional
        ADU. Default: the header's, or that of the detector.

    Examples
    --------
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.dither import ExposureReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0)
    >>> masters = scene.calibrations()
    >>> bad_pixels = masters.bad_pixel_mask.data > 0
    >>> calibrations = Calibrations(bad_pixels=bad_pixels, flat=masters.flat)
    >>> reduce = ExposureReducer(calibrations=calibrations)
    >>> frame = reduce(scene.exposure(0))
    >>> frame.uncertainty.uncertainty_type, int(frame.mask.sum())
    ('var', 41)
    >>> frame, noise = reduce.values(scene.exposure(0), "e1.fits")  # no variance yet
    >>> other = reduce.copy()  # for another process
    """

    def __init__(
        self,
        *,
        calibrations: Calibrations | None = None,
        gain: float | None = None,
        read_noise: float | None = None,
    ) -> None:
        self.calibrations = Calibrations() if calibrations is None else calibrations
        self.gain = gain
        self.read_noise = read_noise

    def copy(self) -> ExposureReducer:
        """Return an equal reducer that shares no intermediate results with this one."""
        return ExposureReducer(
            calibrations=replace(self.calibrations), gain=self.gain, read_noise=self.read_noise
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(calibrations={self.calibrations!r}, gain={self.gain!r}, "
            f"read_noise={self.read_noise!r})"
        )

    def __call__(self, frame: CCDData, /, *, name: str = "frame") -> CCDData:
        """Return the calibrated exposure.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Raw exposure, in ADU.
        name : str, optional
            What to call it in an error.

        Raises
        ------
        CalibrationError
            If a calibration has another shape than the exposure.
        FrameError
            If hardly a pixel of the exposure is usable.
        """
        return calibrate(frame, self.calibrations, self._metadata(frame, name), name=name)

    def values(self, frame: CCDData, name: str) -> tuple[CCDData, ExposureNoise]:
        """Return the calibrated exposure without its variance, and what works that out."""
        return calibrate_values(frame, self.calibrations, self._metadata(frame, name), name=name)

    def _metadata(self, frame: CCDData, name: str) -> ExposureMetadata:
        """Return the header of an exposure, typed, with the noise that was given."""
        metadata = read_metadata(frame.meta, source=name)
        if self.gain is not None:
            metadata = replace(metadata, gain=self.gain, gain_source="user")
        if self.read_noise is not None:
            metadata = replace(metadata, read_noise=self.read_noise, read_noise_source="user")
        return metadata

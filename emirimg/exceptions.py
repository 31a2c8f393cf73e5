"""The errors and warnings of emirimg, in one family each."""

from __future__ import annotations

from astropy.utils.exceptions import AstropyUserWarning

__all__ = [
    "AlignmentError",
    "AlignmentWarning",
    "CalibrationError",
    "CalibrationWarning",
    "EmirimgError",
    "EmirimgWarning",
    "FrameError",
    "InputError",
    "MetadataError",
    "MetadataWarning",
    "MixedExposuresError",
    "PartialFailureError",
    "QualityWarning",
    "SkyError",
    "SkyWarning",
    "UnusableExposureError",
    "WorkerError",
]


class EmirimgError(Exception):
    """Base class of every error that emirimg raises on purpose."""


class InputError(EmirimgError):
    """A parameter file, a list of files or an option is not usable."""


class FrameError(EmirimgError):
    """A FITS file cannot be used as an exposure or a calibration."""


class UnusableExposureError(FrameError):
    """Hardly a pixel of an exposure is usable."""


class MetadataError(FrameError):
    """A header keyword is missing, has the wrong type or an impossible value."""


class MixedExposuresError(InputError):
    """Exposures that must not be combined were given together."""


class CalibrationError(EmirimgError):
    """A calibration does not fit the exposures it should be applied to."""


class SkyError(EmirimgError):
    """No sky can be estimated for a frame."""


class AlignmentError(EmirimgError):
    """The exposures cannot be placed on a common sky."""


class PartialFailureError(EmirimgError):
    """Some of several reductions failed; the others are done."""


class WorkerError(EmirimgError):
    """A process that did part of the work has died."""


class EmirimgWarning(AstropyUserWarning):
    """Base class of every warning that emirimg emits on purpose."""


class MetadataWarning(EmirimgWarning):
    """A header value is missing or doubtful and a documented default was used."""


class CalibrationWarning(EmirimgWarning):
    """A calibration step was left out or replaced by something weaker."""


class SkyWarning(EmirimgWarning):
    """The sky of a frame is less certain than it should be."""


class AlignmentWarning(EmirimgWarning):
    """A frame was placed by something weaker than the stars it shows."""


class QualityWarning(EmirimgWarning):
    """A frame or the mosaic is usable but worse than expected."""

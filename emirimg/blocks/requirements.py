"""The parameters that an observation block may give to its reduction."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from ..exceptions import InputError
from ..instrument import Detector
from ._model import InputModel
from .modern import StrategyRequirements
from .names import FileName

__all__ = ["DitherRequirements", "RejectionLimits", "StareRequirements"]

_Flag = Annotated[bool, Strict()]
_Count = Annotated[int, Strict(), Field(ge=0)]
_Number = Annotated[float, Strict()]


def _none_from_text(value: Any) -> Any:
    """Take the word None, which YAML does not know, for what its writer meant."""
    return None if value == "None" else value


class StareRequirements(InputModel):
    """Parameters of the mode STARE_IMAGE.

    Parameters
    ----------
    reprojection_method : {"interp", "adaptive", "exact", "none"}, optional
        How an exposure is resampled to a grid without distortion.

    Examples
    --------
    >>> from emirimg.blocks import StareRequirements
    >>> StareRequirements(reprojection_method="adaptive")
    StareRequirements(reprojection_method='adaptive')
    """

    reprojection_method: Literal["interp", "adaptive", "exact", "none"] = "interp"


class RejectionLimits(InputModel):
    """Limits of the sigma clipping.

    Parameters
    ----------
    low, high : float, optional
        Values further than this many standard deviations below or above the
        mean are rejected. Default: 3.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements, RejectionLimits
    >>> DitherRequirements(method_kwargs=RejectionLimits(high=5.0)).method_kwargs
    RejectionLimits(low=3.0, high=5.0)
    """

    low: _Number = Field(default=3.0, gt=0)
    high: _Number = Field(default=3.0, gt=0)


class DitherRequirements(StrategyRequirements):
    """Parameters of the mode FULL_DITHERED_IMAGE.

    Parameters
    ----------
    iterations : int, optional
        How many times objects are found in the result and masked in the sky.
    sky_images : int, optional
        How many of the exposures nearest in time make the sky of an exposure;
        0: the sky is the median of the exposure itself.
    sky_images_sep_time : float, optional
        Exposures further away in time than this, in minutes, do not count.
    offsets : str, optional
        File with the (x, y) position of one reference object in each
        exposure. Default: the offsets follow from the headers.
    refine_offsets : bool, optional
        Whether the offsets are refined with the brightest objects.
    fit_doughnut : bool, optional
        Whether a ring of scattered light is fitted.
    extinction : float, optional
        Atmospheric extinction, in magnitudes per airmass.
    method : {"sigmaclip", "mean", "median"}, optional
        How exposures are combined.
    method_kwargs : RejectionLimits, optional
        Limits of the sigma clipping.
    nside_adhoc_sky_correction : int, optional
        Number of cells along each side of a quadrant in which the residual
        sky is measured; 0: it is not. HAWAII-2 only.
    adhoc_sky_correction_h2rg : bool, optional
        Whether the residual sky of each readout channel is subtracted. H2RG
        only.
    **strategies
        Any word of `StrategyRequirements`. One of them is enough to have the
        raw exposures reduced by `~emirimg.dither.DitherReducer`; the words
        above must then be absent or have their defaults.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements
    >>> from emirimg.instrument import HAWAII2
    >>> DitherRequirements(iterations=2, sky_images=6).is_modern
    False
    >>> DitherRequirements(sky={"name": "neighbours", "n_frames": 8}).is_modern
    True
    >>> DitherRequirements(nside_adhoc_sky_correction=10).check_detector(HAWAII2)
    """

    iterations: _Count = 0
    sky_images: _Count = 0
    sky_images_sep_time: _Number = Field(default=10.0, gt=0)
    offsets: Annotated[FileName | None, BeforeValidator(_none_from_text)] = None
    refine_offsets: _Flag = False
    fit_doughnut: _Flag = False
    extinction: _Number = Field(default=0.0, ge=0)
    method: Literal["sigmaclip", "mean", "median"] = "sigmaclip"
    method_kwargs: RejectionLimits = RejectionLimits()
    nside_adhoc_sky_correction: _Count = 0
    adhoc_sky_correction_h2rg: _Flag = False

    @model_validator(mode="after")
    def _one_road(self) -> Self:
        if self.is_modern:
            words = StrategyRequirements.model_fields
            others = [
                name
                for name, field in DitherRequirements.model_fields.items()
                if name not in words and getattr(self, name) != field.get_default()
            ]
            if others:
                chosen = next(iter(self.strategies()))
                msg = (
                    f"{', '.join(others)} cannot be combined with {chosen}, which selects the"
                    " reduction by strategies"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.iterations > 0 and self.sky_images == 0:
            msg = f"iterations is {self.iterations}, so sky_images must be greater than 0"
            raise ValueError(msg)
        if self.sky_images > 0 and self.iterations == 0:
            msg = f"sky_images is {self.sky_images}, so iterations must be greater than 0"
            raise ValueError(msg)
        if self.nside_adhoc_sky_correction > 0 and self.adhoc_sky_correction_h2rg:
            msg = (
                "nside_adhoc_sky_correction (HAWAII-2) and adhoc_sky_correction_h2rg (H2RG)"
                " exclude each other"
            )
            raise ValueError(msg)
        if self.method != "sigmaclip" and self.method_kwargs.model_fields_set:
            msg = f"method_kwargs belong to method sigmaclip, but method is {self.method}"
            raise ValueError(msg)
        return self

    @property
    def is_modern(self) -> bool:
        """Whether strategies are named, so that the raw exposures are reduced by them."""
        return bool(self.strategies())

    def check_detector(self, detector: Detector) -> None:
        """Refuse corrections that were made for the other detector.

        Parameters
        ----------
        detector : Detector
            The detector that took the exposures.

        Raises
        ------
        InputError
            If the correction of quadrants is asked for the H2RG or that of
            channels for the HAWAII-2.
        """
        if detector.in_quadrants and self.adhoc_sky_correction_h2rg:
            wrong, right = "adhoc_sky_correction_h2rg", "nside_adhoc_sky_correction"
        elif not detector.in_quadrants and self.nside_adhoc_sky_correction > 0:
            wrong, right = "nside_adhoc_sky_correction", "adhoc_sky_correction_h2rg"
        else:
            return
        msg = f"{wrong} is not meant for the detector {detector.name}; use {right}"
        raise InputError(msg)

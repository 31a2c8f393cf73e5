"""Control files: which calibration belongs to which exposures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from ..instrument import Detector
from ._model import InputModel
from .names import RelativePath

__all__ = [
    "CALIBRATION_TYPES",
    "CalibrationChoice",
    "CalibrationType",
    "ControlFile",
    "RequirementChoice",
]

CalibrationType = Literal["MasterBadPixelMask", "MasterBias", "MasterDark", "MasterIntensityFlat"]
"""The types of calibration that imaging uses."""

CALIBRATION_TYPES: tuple[CalibrationType, ...] = (
    "MasterBadPixelMask", "MasterBias", "MasterDark", "MasterIntensityFlat",
)  # fmt: skip


class _Choice(InputModel):
    tags: dict[str, str] = Field(default_factory=dict)
    detector: str | None = None

    @field_validator("tags", mode="before")
    @classmethod
    def _tags_are_texts(cls, value: Any) -> Any:
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return {
                str(key): str(tag) if isinstance(tag, bool | int | float) else tag
                for key, tag in value.items()
            }
        return value

    def suits(self, detector: Detector, tags: Mapping[str, Any]) -> bool:
        """Tell whether the entry is meant for a detector and for such exposures."""
        if self.detector is not None and self.detector != detector.uuid:
            return False
        return all(str(tags.get(key, "")).strip() == tag for key, tag in self.tags.items())


class CalibrationChoice(_Choice):
    """One calibration and the exposures it is meant for.

    Parameters
    ----------
    type : str
        One of `CALIBRATION_TYPES`.
    content : str
        Path of the file below the directory of calibrations.
    tags : dict of str, optional
        Values that exposures must have, such as ``{"filter": "J"}``.
    detector : str, optional
        Identifier (uuid) of the detector. Default: any.
    id : int or str, optional
        Running number, not used.

    Examples
    --------
    >>> from emirimg.blocks import CalibrationChoice
    >>> from emirimg.instrument import HAWAII2
    >>> choice = CalibrationChoice(
    ...     type="MasterIntensityFlat", content="flat_J.fits", tags={"filter": "J"}
    ... )
    >>> choice.suits(HAWAII2, {"filter": "J"}), choice.suits(HAWAII2, {"filter": "H"})
    (True, False)
    """

    type: CalibrationType
    content: RelativePath
    id: int | str | None = None


class RequirementChoice(_Choice):
    """A default of one parameter and the exposures it is meant for.

    Parameters
    ----------
    name : str
        Name of the parameter.
    content : object
        Its value.
    mode, pipeline : str
        Where it is used.
    tags, detector : optional
        As in `CalibrationChoice`.

    Examples
    --------
    >>> from emirimg.blocks import RequirementChoice
    >>> choice = RequirementChoice(name="iterations", content=2, mode="FULL_DITHERED_IMAGE")
    >>> choice.name, choice.content
    ('iterations', 2)
    """

    name: str
    content: Any
    mode: str
    pipeline: str = "default"


class ControlFile(InputModel):
    """The calibrations and the defaults of an observing run.

    Parameters
    ----------
    calibrations : tuple of CalibrationChoice
        In order: the first that fits an exposure is used.
    requirements : tuple of RequirementChoice
        In order: the first that fits is used.
    root : `~pathlib.Path`
        Directory of the calibrations.

    Examples
    --------
    >>> from emirimg.blocks import CalibrationChoice, ControlFile, RequirementChoice
    >>> from emirimg.instrument import HAWAII2
    >>> kind, mode = "MasterIntensityFlat", "FULL_DITHERED_IMAGE"
    >>> control = ControlFile(
    ...     calibrations=[
    ...         CalibrationChoice(type=kind, content=f"{band}.fits", tags={"filter": band})
    ...         for band in ("J", "H")
    ...     ],
    ...     requirements=[RequirementChoice(name="iterations", content=2, mode=mode)],
    ... )
    >>> control.choose(kind, HAWAII2, {"filter": "H"}).as_posix()
    'data/H.fits'
    >>> control.defaults(mode, HAWAII2, {})
    {'iterations': 2}
    """

    calibrations: tuple[CalibrationChoice, ...] = ()
    requirements: tuple[RequirementChoice, ...] = ()
    root: Path = Path("data")

    def choose(
        self,
        type: CalibrationType,  # noqa: A002  (the word of the file)
        detector: Detector,
        tags: Mapping[str, Any],
    ) -> Path | None:
        """Return the calibration of some type for an exposure.

        Parameters
        ----------
        type : str
            One of `CALIBRATION_TYPES`.
        detector : Detector
            The detector that took the exposure.
        tags : mapping
            What the exposure is: ``{"grism": "OPEN", "filter": "J"}``.

        Returns
        -------
        `~pathlib.Path` or None
            The first that fits; `None` if none does.
        """
        for choice in self.calibrations:
            if choice.type == type and choice.suits(detector, tags):
                return self.root / choice.content
        return None

    def defaults(
        self,
        mode: str,
        detector: Detector,
        tags: Mapping[str, Any],
        *,
        pipeline: str = "default",
    ) -> dict[str, Any]:
        """Return the parameters that the file sets for a mode.

        Parameters
        ----------
        mode : str
            Mode of an observation block.
        detector, tags
            As for `choose`.
        pipeline : str, optional
            Name of a set of recipes.

        Returns
        -------
        dict
            Values by name, for `ObservationBlock.with_defaults`.
        """
        values: dict[str, Any] = {}
        for choice in self.requirements:
            here = choice.mode == mode and choice.pipeline == pipeline
            if here and choice.suits(detector, tags):
                values.setdefault(choice.name, choice.content)
        return values

"""Observation blocks: which exposures are reduced how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    Strict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from .._html import html_table
from .._strategy import explain_unknown
from ._model import InputModel
from .names import BlockId, FileName
from .requirements import DitherRequirements, StareRequirements

__all__ = ["MODES", "ObservationBlock"]

MODES: dict[str, type[StareRequirements | DitherRequirements]] = {
    "STARE_IMAGE": StareRequirements,
    "FULL_DITHERED_IMAGE": DitherRequirements,
}
"""The imaging modes, and the models of their requirements."""


def _known_mode(mode: Any) -> Any:
    if mode not in tuple(MODES):
        hint = explain_unknown(str(mode), MODES)
        msg = f"{mode!r} is not an imaging mode of emirimg: {hint}"
        raise ValueError(msg)
    return mode


def _empty_for_none(value: Any) -> Any:
    return () if value is None else value


def _without_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            msg = f"{name!r} is listed twice"
            raise ValueError(msg)
    return names


class ObservationBlock(InputModel):
    """One reduction: of the exposures at a position, or of a dithered sequence.

    Parameters
    ----------
    id : str
        Identifier, part of the names of the block's directories. A number is
        taken for its digits.
    instrument : {"EMIR"}
        The instrument.
    mode : {"STARE_IMAGE", "FULL_DITHERED_IMAGE"}
        What is done: exposures of one position are calibrated and averaged,
        or the results of other blocks are combined into a mosaic.
    frames : tuple of str, optional
        Names of files in the data directory, for the mode STARE_IMAGE.
    children : tuple of str, optional
        Identifiers of the blocks to combine, for the mode FULL_DITHERED_IMAGE.
    requirements : StareRequirements or DitherRequirements, optional
        Parameters, of the kind that belongs to the mode; a mapping is
        converted.
    enabled : bool, optional
        Whether the block is run. A block that is not still says where its
        earlier result lies.
    pipeline : str, optional
        Name of a set of recipes.
    parent : str, optional
        Identifier of the block that this one is a part of.
    labels : dict, optional
        Remarks, not used.

    Examples
    --------
    >>> from emirimg.blocks import ObservationBlock
    >>> block = ObservationBlock(
    ...     id="combined", instrument="EMIR", mode="FULL_DITHERED_IMAGE", children=["_1", "_2"],
    ...     requirements={"iterations": 2, "sky_images": 6},
    ... )
    >>> block.requirements.iterations
    2
    >>> block.with_defaults({"extinction": 0.1}).requirements.extinction
    0.1
    """

    id: BlockId
    instrument: Literal["EMIR"]
    mode: Annotated[Literal["STARE_IMAGE", "FULL_DITHERED_IMAGE"], BeforeValidator(_known_mode)]
    frames: Annotated[tuple[FileName, ...], BeforeValidator(_empty_for_none)] = ()
    children: Annotated[tuple[BlockId, ...], BeforeValidator(_empty_for_none)] = ()
    requirements: StareRequirements | DitherRequirements = Field(
        default_factory=dict, validate_default=True
    )
    enabled: Annotated[bool, Strict()] = True
    pipeline: str = "default"
    parent: BlockId | None = None
    labels: dict[str, Any] = Field(default_factory=dict)

    _frames_differ = field_validator("frames", "children")(_without_repeats)

    @field_validator("requirements", mode="before")
    @classmethod
    def _requirements_of_the_mode(cls, value: Any, info: ValidationInfo) -> Any:
        if "mode" not in info.data:  # which is reported by itself
            return StareRequirements()
        model = MODES[info.data["mode"]]
        return model.model_validate({} if value is None else value)

    @model_validator(mode="after")
    def _inputs_of_the_mode(self) -> Self:
        needed, useless = "frames", "children"
        if self.mode == "FULL_DITHERED_IMAGE":
            needed, useless = useless, needed
        if getattr(self, useless):
            msg = f"a block of the mode {self.mode} takes {needed}, not {useless}"
            raise ValueError(msg)
        if self.enabled and not getattr(self, needed):
            msg = f"a block of the mode {self.mode} needs {needed}, but has none"
            raise ValueError(msg)
        return self

    @property
    def takes_raw(self) -> bool:
        """Whether raw exposures are reduced, rather than the images of other blocks."""
        return isinstance(self.requirements, StareRequirements) or self.requirements.is_modern

    def with_defaults(self, defaults: Mapping[str, Any]) -> ObservationBlock:
        """Return the block with the requirements that it does not state itself.

        Parameters
        ----------
        defaults : mapping
            Requirements by name, such as a control file has.

        Raises
        ------
        pydantic.ValidationError
            If the result is not consistent.
        """
        stated = self.requirements.model_dump(exclude_unset=True)
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return ObservationBlock(**{**values, "requirements": {**defaults, **stated}})

    def _repr_html_(self) -> str:
        stated = self.requirements.model_dump(mode="json", exclude_unset=True)
        rows = {
            "mode": self.mode,
            "enabled": "yes" if self.enabled else "no",
            "frames" if self.frames else "children": ", ".join(self.frames or self.children),
            **stated,
        }
        return html_table(f"ObservationBlock {self.id}", rows)

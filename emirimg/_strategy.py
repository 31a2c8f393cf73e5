"""The base of all strategy objects: configuration and algorithm in one class.

A strategy is a frozen pydantic model with a ``__call__``: parameters are given
at construction, data at the call, the result is returned and nothing is
remembered. Every class has a ``name`` field with one literal value, by which
parameter files select it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import astropy.units as u
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

__all__ = ["Strategy", "by_name", "explain_unknown", "quantity_field"]


def explain_unknown(word: str, known: Iterable[str]) -> str:
    """Say which known words are nearest to an unknown one."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"known are {', '.join(map(repr, known))}"


class Strategy(BaseModel):
    """Base class of all strategies; immutable, strict about its keywords.

    Examples
    --------
    >>> from typing import Literal
    >>> from emirimg import Strategy
    >>> class Threshold(Strategy):
    ...     name: Literal["my_threshold"] = "my_threshold"
    ...     sigma: float = 5.0
    ...
    ...     def __call__(self, values):
    ...         return values > self.sigma * values.std()
    >>> Threshold(sigma=3)
    Threshold(sigma=3.0)
    >>> Threshold(sigma=3) == Threshold(sigma=3.0)
    True
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keywords(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                if key not in cls.model_fields:
                    hint = explain_unknown(str(key), cls.model_fields)
                    msg = f"{cls.__name__} has no parameter {key!r}: {hint}"
                    raise ValueError(msg)
        return values

    def __repr__(self) -> str:
        shown = (
            f"{key}={getattr(self, key)!r}"
            for key, field in type(self).model_fields.items()
            if key != "name" and getattr(self, key) != field.default
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    __str__ = __repr__


def by_name(*classes: type[Strategy]) -> Any:
    """Make the type of a field that takes one of several strategies.

    The field accepts an instance, a mapping with the key ``name``, or the bare
    name of a strategy whose other parameters keep their defaults.

    Parameters
    ----------
    *classes : type of Strategy
        The members of the family. The literal in their ``name`` field
        identifies them.

    Returns
    -------
    type
        An annotated union for use as a pydantic field type.
    """

    def expand(value: Any) -> Any:
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, dict):
            names = [cls.model_fields["name"].default for cls in classes]
            found = value.get("name")
            if found not in names:
                msg = f"unknown strategy {found!r}: {explain_unknown(str(found), names)}"
                raise ValueError(msg)
        elif not isinstance(value, classes):
            msg = f"found {value!r:.80}, expected the name of a strategy or a mapping with name:"
            raise ValueError(msg)  # noqa: TRY004 - pydantic reports ValueErrors only
        return value

    union = classes[0]
    for cls in classes[1:]:
        union = union | cls  # type: ignore[assignment]
    if len(classes) == 1:
        return Annotated[union, BeforeValidator(expand)]
    return Annotated[union, Field(discriminator="name"), BeforeValidator(expand)]


def quantity_field(unit: u.UnitBase) -> Any:
    """Make the type of a field that holds a scalar Quantity in ``unit``.

    Plain numbers are taken to be in ``unit`` already; texts such as
    ``"2 arcmin"`` are parsed. Equal quantities compare equal because all are
    converted.
    """

    def convert(value: Any) -> u.Quantity:
        quantity = u.Quantity(value) if not isinstance(value, int | float) else value * unit
        if quantity.unit == u.dimensionless_unscaled and unit != u.dimensionless_unscaled:
            quantity = quantity.value * unit
        return quantity.to(unit)

    to_text: Callable[[u.Quantity], str] = str
    return Annotated[u.Quantity, PlainValidator(convert), PlainSerializer(to_text)]

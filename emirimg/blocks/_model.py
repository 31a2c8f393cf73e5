"""The base of the models of parameter files."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from .._strategy import explain_unknown

__all__ = ["InputModel", "explained_text"]

_EXPLAINED = "explained"


class InputModel(BaseModel):
    """An immutable model that says what was found and what would be allowed.

    An unknown key is answered with the nearest known ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        # All problems are kept, because a user wants to mend a file in one go.
        try:
            return handler(values)
        except ValidationError as error:
            details = [_explained(item, cls) for item in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(cls.__name__, details)


def explained_text(item: Any, place: Sequence[Any]) -> str:
    """Say what is wrong with a value, and at which place."""
    return ": ".join([*filter(None, [".".join(map(str, place))]), _message(item)])


def _explained(item: Any, model: type[BaseModel]) -> InitErrorDetails:
    kind, message = item["type"], _message(item)
    if kind == "extra_forbidden" and len(item["loc"]) == 1:
        message = f"unknown key: {explain_unknown(str(item['loc'][0]), model.model_fields)}"
    # The message is passed as a value: its braces are not those of a template.
    error = PydanticCustomError(_EXPLAINED, "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=item["loc"], input=item["input"])


def _message(item: Any) -> str:
    kind, message = item["type"], item["msg"]
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == _EXPLAINED:
        return message
    return (
        f"found {reprlib.repr(item['input'])}, expected {message.removeprefix('Input should be ')}"
    )

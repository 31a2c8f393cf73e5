"""Pages from templates."""

from __future__ import annotations

from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["fill_template"]


def fill_template(name: str, **content: Any) -> str:
    """Return a page; texts are escaped, and nothing that it names may be missing."""
    environment = Environment(
        loader=PackageLoader("emirimg.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = _number
    return environment.get_template(name).render(content)


def _number(value: float | None, form: str, factor: float = 1.0) -> str:
    """Format a number; what is unknown is a dash."""
    if value is None or not np.isfinite(value):
        return "\N{EN DASH}"
    return format(value * factor, form)

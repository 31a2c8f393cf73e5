"""Observation blocks and control files as the command ``numina`` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._exports import exported

if TYPE_CHECKING:
    from .blocks import *
    from .control import *
    from .dump import *
    from .generate import *
    from .offsets import *
    from .products import *
    from .records import *
    from .write import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "blocks": ["LocatedBlock", "children_first", "read_blocks", "read_located_blocks"],
        "control": ["read_control"],
        "dump": ["write_control_dump"],
        "generate": ["generate_blocks", "generate_from_headers"],
        "offsets": ["read_positions"],
        "products": [
            "PositionImage",
            "identifier",
            "read_position_image",
            "write_dithered_image",
            "write_position_image",
        ],
        "records": ["TaskRecord", "find_image", "write_result"],
        "write": ["format_blocks", "write_blocks"],
    },
)

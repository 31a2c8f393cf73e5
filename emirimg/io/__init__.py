"""Read and write files; the only part of the package that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .arrivals import *
    from .atomic import *
    from .by_files import *
    from .ds9 import *
    from .exposures import *
    from .frames import *
    from .groups import *
    from .images import *
    from .inspection import *
    from .numina.blocks import *
    from .numina.control import *
    from .numina.dump import *
    from .numina.generate import *
    from .numina.intermediate import *
    from .numina.offsets import *
    from .numina.products import *
    from .numina.records import *
    from .numina.write import *
    from .patterns import *
    from .planes import *
    from .reference import *
    from .results import *
    from .scratch import *
    from .workspace import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "arrivals": ["Arrivals"],
        "atomic": ["replacing"],
        "by_files": ["ByFiles"],
        "ds9": ["Region", "read_outlines", "read_regions"],
        "exposures": ["examine_files", "find_control", "find_exposures"],
        "frames": [
            "expected_shape",
            "read_calibrations",
            "read_frame",
            "read_header",
            "read_image",
            "write_frame",
        ],
        "groups": ["ExposureGroup", "group_exposures", "header_table", "require_one_group"],
        "images": ["ImagePlanes", "read_image_planes"],
        "inspection": ["ExposureFacts", "image_shape", "inspect_exposure"],
        "numina.blocks": ["LocatedBlock", "children_first", "read_blocks", "read_located_blocks"],
        "numina.control": ["read_control"],
        "numina.dump": ["write_control_dump"],
        "numina.generate": ["generate_blocks", "generate_from_headers"],
        "numina.intermediate": ["write_intermediate_image"],
        "numina.offsets": ["read_positions"],
        "numina.products": [
            "PositionImage",
            "identifier",
            "read_position_image",
            "write_dithered_image",
            "write_position_image",
        ],
        "numina.records": ["TaskRecord", "find_image", "write_result"],
        "numina.write": ["format_blocks", "write_blocks"],
        "patterns": ["find_gaps", "group_repeats"],
        "planes": ["read_list", "read_plane"],
        "reference": ["read_reference_catalogue"],
        "results": [
            "read_mosaic",
            "read_provenance",
            "sha256",
            "write_json",
            "write_mosaic",
            "write_table",
        ],
        "scratch": ["Scratch", "WorkerScratch"],
        "workspace": ["INDEX", "Workspace", "complete_directory", "gather"],
    },
)

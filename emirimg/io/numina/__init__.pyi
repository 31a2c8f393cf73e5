from .blocks import (
    LocatedBlock as LocatedBlock,
    children_first as children_first,
    read_blocks as read_blocks,
    read_located_blocks as read_located_blocks,
)
from .control import read_control as read_control
from .dithered_image import write_dithered_image as write_dithered_image
from .dump import write_control_dump as write_control_dump
from .generate import (
    generate_blocks as generate_blocks,
    generate_from_headers as generate_from_headers,
)
from .identifier import identifier as identifier
from .offsets import read_positions as read_positions
from .position_image import (
    PositionImage as PositionImage,
    read_position_image as read_position_image,
    write_position_image as write_position_image,
)
from .records import (
    TaskRecord as TaskRecord,
    find_image as find_image,
    write_result as write_result,
)
from .write import format_blocks as format_blocks, write_blocks as write_blocks

from .arrivals import Arrivals as Arrivals
from .atomic import replacing as replacing, require_place as require_place
from .by_files import ByFiles as ByFiles
from .calibrations import read_calibrations as read_calibrations
from .checksum import sha256 as sha256
from .ds9 import Region as Region, read_outlines as read_outlines, read_regions as read_regions
from .exposures import (
    examine_files as examine_files,
    find_control as find_control,
    find_exposures as find_exposures,
)
from .frames import (
    read_frame as read_frame,
    read_image as read_image,
    write_frame as write_frame,
)
from .groups import (
    ExposureGroup as ExposureGroup,
    group_exposures as group_exposures,
    header_table as header_table,
    require_one_group as require_one_group,
)
from .headers import expected_shape as expected_shape, read_header as read_header
from .images import ImagePlanes as ImagePlanes, read_image_planes as read_image_planes
from .inspection import (
    ExposureFacts as ExposureFacts,
    image_shape as image_shape,
    inspect_exposure as inspect_exposure,
    shape_of as shape_of,
)
from .json_file import write_json as write_json
from .numina.blocks import (
    LocatedBlock as LocatedBlock,
    children_first as children_first,
    read_blocks as read_blocks,
    read_located_blocks as read_located_blocks,
)
from .numina.control import read_control as read_control
from .numina.dithered_image import write_dithered_image as write_dithered_image
from .numina.dump import write_control_dump as write_control_dump
from .numina.generate import (
    generate_blocks as generate_blocks,
    generate_from_headers as generate_from_headers,
)
from .numina.identifier import identifier as identifier
from .numina.intermediate import write_intermediate_image as write_intermediate_image
from .numina.offsets import read_positions as read_positions
from .numina.position_image import (
    PositionImage as PositionImage,
    read_position_image as read_position_image,
    write_position_image as write_position_image,
)
from .numina.records import (
    TaskRecord as TaskRecord,
    find_image as find_image,
    write_result as write_result,
)
from .numina.write import format_blocks as format_blocks, write_blocks as write_blocks
from .patterns import find_gaps as find_gaps, group_repeats as group_repeats
from .planes import read_list as read_list, read_plane as read_plane
from .reference import read_reference_catalogue as read_reference_catalogue
from .results import (
    read_mosaic as read_mosaic,
    read_provenance as read_provenance,
    write_mosaic as write_mosaic,
    write_table as write_table,
)
from .scratch import Scratch as Scratch, WorkerScratch as WorkerScratch
from .workspace import (
    INDEX as INDEX,
    Workspace as Workspace,
    complete_directory as complete_directory,
    gather as gather,
    index_files as index_files,
    link_files as link_files,
)

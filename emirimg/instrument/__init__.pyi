from .detectors import (
    DETECTORS as DETECTORS,
    H2RG as H2RG,
    HAWAII2 as HAWAII2,
    Detector as Detector,
    detector_at as detector_at,
    detector_by_uuid as detector_by_uuid,
)
from .geometry import (
    NOMINAL_SCALE as NOMINAL_SCALE,
    clean_wcs_header as clean_wcs_header,
    frame_wcs as frame_wcs,
    pixel_area as pixel_area,
    pixel_scale as pixel_scale,
    undistorted as undistorted,
)
from .metadata import ExposureMetadata as ExposureMetadata, read_metadata as read_metadata
from .pointing import read_pointing as read_pointing

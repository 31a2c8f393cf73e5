from .recovery import Recovery as Recovery, measure_recovery as measure_recovery
from .reduction import injection_test as injection_test, measure_frame_psf as measure_frame_psf
from .stars import (
    add_stars as add_stars,
    draw_stars as draw_stars,
    mean_scale as mean_scale,
    moffat_image as moffat_image,
)

"""Where the frames lie on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exports import exported

if TYPE_CHECKING:
    from .cross_correlation import *
    from .distortion import *
    from .header import *
    from .psf import *
    from .reference_catalogue import *
    from .reference_object import *
    from .solution import *
    from .star_alignment import *
    from .stars import *

__getattr__, __dir__, __all__ = exported(
    __name__,
    {
        "cross_correlation": ["CrossCorrelation"],
        "distortion": ["Distortion", "corrected_distortion", "find_distortion"],
        "header": ["HeaderAlignment"],
        "psf": ["MoffatPSF", "measure_psf", "psf_stars"],
        "reference_catalogue": [
            "CatalogueTie",
            "ReferenceCatalogue",
            "match_catalogue",
            "tie_to_catalogue",
        ],
        "reference_object": ["ReferenceObjectAlignment", "shifted_alignment"],
        "solution": ["LEFT_OUT", "Alignment", "AlignmentEstimator"],
        "star_alignment": ["StarAlignment"],
        "stars": ["StarFlag", "StarList", "find_stars"],
    },
)

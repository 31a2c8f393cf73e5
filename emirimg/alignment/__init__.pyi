from .cross_correlation import CrossCorrelation as CrossCorrelation
from .distortion import (
    Distortion as Distortion,
    corrected_distortion as corrected_distortion,
    find_distortion as find_distortion,
)
from .header import HeaderAlignment as HeaderAlignment
from .psf import MoffatPSF as MoffatPSF, measure_psf as measure_psf, psf_stars as psf_stars
from .reference_catalogue import (
    CatalogueTie as CatalogueTie,
    ReferenceCatalogue as ReferenceCatalogue,
    match_catalogue as match_catalogue,
    tie_to_catalogue as tie_to_catalogue,
)
from .reference_object import (
    ReferenceObjectAlignment as ReferenceObjectAlignment,
    shifted_alignment as shifted_alignment,
)
from .solution import (
    LEFT_OUT as LEFT_OUT,
    Alignment as Alignment,
    AlignmentEstimator as AlignmentEstimator,
)
from .star_alignment import StarAlignment as StarAlignment
from .star_list import StarFlag as StarFlag, StarList as StarList
from .stars import find_stars as find_stars

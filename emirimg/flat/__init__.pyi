from .doughnut import DoughnutFit as DoughnutFit
from .photometry import star_fluxes as star_fluxes
from .starflat import (
    Illumination as Illumination,
    StarFlat as StarFlat,
    StarMeasurements as StarMeasurements,
)
from .superflat import (
    SkyFlat as SkyFlat,
    Superflat as Superflat,
    SuperflatEstimator as SuperflatEstimator,
    divide_superflat as divide_superflat,
)

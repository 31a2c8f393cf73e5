"""Requirements become strategies."""

import astropy.units as u
import pytest

from emirimg.alignment import CrossCorrelation
from emirimg.blocks import DitherRequirements, StareRequirements
from emirimg.combine import MeanCombiner, MedianCombiner, SigmaClipCombiner
from emirimg.dither import upgrade_dither, upgrade_stare
from emirimg.flat import DoughnutFit
from emirimg.projection import Undistortion
from emirimg.sky import QuadrantCells


@pytest.mark.parametrize("method", ["interp", "adaptive", "exact"])
def test_reprojection(method):
    requirements = StareRequirements(reprojection_method=method)
    assert upgrade_stare(requirements) == Undistortion(method=method)


def test_no_reprojection():
    assert upgrade_stare(StareRequirements(reprojection_method="none")) is None


def test_defaults():
    made = upgrade_dither(DitherRequirements())
    assert made.alignment.positions is None
    assert made.refinement is made.sky is made.residual is None
    assert made.superflat.doughnut is None
    assert made.combiner == made.superflat.combiner == SigmaClipCombiner()
    assert made.iterations == made.extinction == 0
    assert not made.channel_residual


def test_every_word_arrives():
    made = upgrade_dither(
        DitherRequirements(
            iterations=2, sky_images=8, sky_images_sep_time=5.0, refine_offsets=True,
            fit_doughnut=True, extinction=0.1, method_kwargs={"low": 4.0, "high": 2.5},
            nside_adhoc_sky_correction=7,
        ),
        [(1, 2), (3.5, 4)],
    )  # fmt: skip
    assert made.alignment.positions == ((1, 2), (3.5, 4))
    assert made.refinement == CrossCorrelation()
    assert made.superflat.doughnut == DoughnutFit()
    combiner = SigmaClipCombiner(low=4, high=2.5)
    assert made.combiner == made.superflat.combiner == made.sky.combiner == combiner
    assert made.sky.n_frames == 8
    assert made.sky.max_separation == 5 * u.min
    assert made.residual == QuadrantCells(n_side=7)
    assert made.iterations == 2
    assert made.extinction == 0.1
    assert upgrade_dither(DitherRequirements(adhoc_sky_correction_h2rg=True)).channel_residual


@pytest.mark.parametrize(("word", "kind"), [("mean", MeanCombiner), ("median", MedianCombiner)])
def test_methods(word, kind):
    assert upgrade_dither(DitherRequirements(method=word)).combiner == kind()

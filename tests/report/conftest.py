"""A real result of a few small exposures."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from emirimg import DitherReducer
from emirimg.io import read_calibrations
from emirimg.simulation import Scene, write_tutorial

HOSTILE = "\"'><script>alert(1)</script><img src=http://x.org/>"


@pytest.fixture(scope="session")
def result(tmp_path_factory):
    """The result of four small exposures; not to be changed."""
    scene = Scene(
        n_exposures=4, shape=(256, 256), dither_scale=0.25, n_stars=100, n_galaxies=3,
        brightest=1e5, cosmic_rays=5,
    )  # fmt: skip
    tree = write_tutorial(tmp_path_factory.mktemp("tree") / "sequence", scene)
    for path in tree.exposures:
        fits.setval(path, "DETSEC", value="[897:1152,897:1152]")
    calibrations = read_calibrations(bad_pixels=tree.bad_pixel_mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DitherReducer(calibrations=calibrations, passes=2).reduce(tree.exposures)


@pytest.fixture
def hostile(result):
    """The result with names that try to be more than names."""
    header = result.mosaic.header.copy()
    header["OBJECT"] = HOSTILE
    header["FILTER"] = "$\\frac{J"
    frames = [replace(frame, name=f"{HOSTILE}-{i}.fits") for i, frame in enumerate(result.frames)]
    return replace(
        result,
        mosaic=replace(result.mosaic, header=header),
        frames=tuple(frames),
        warnings=(HOSTILE,),
        inputs=(("exposure", HOSTILE, "ab"),),
        strategies={HOSTILE: HOSTILE},
    )


@pytest.fixture
def without_stars(result):
    """The result of a field in which nothing was found."""
    nan = np.nan
    quality = replace(
        result.quality,
        seeing=nan * result.quality.seeing.unit, ellipticity=nan, n_stars=0, correlated_noise=nan,
        radii=result.quality.radii[:0], measured_noise=np.empty(0), predicted_noise=np.empty(0),
        depth=nan, depth_flux=nan,
    )  # fmt: skip
    frames = [
        replace(frame, residual=nan * frame.residual.unit, fwhm=nan * frame.fwhm.unit,
                ellipticity=nan, n_matched=0)
        for frame in result.frames
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    data = rng.normal(0, 5, result.mosaic.data.shape).astype(np.float32)
    data[result.mosaic.mask] = 0
    mosaic = replace(result.mosaic, data=data)
    return replace(result, mosaic=mosaic, quality=quality, frames=tuple(frames), objects=None)

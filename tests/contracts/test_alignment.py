"""What every way to align frames has in common."""

import inspect

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS

from emirimg.alignment import (
    Alignment,
    HeaderAlignment,
    ReferenceObjectAlignment,
    StarAlignment,
)
from emirimg.stack import DitherStack

ESTIMATORS = [HeaderAlignment(), ReferenceObjectAlignment(), StarAlignment()]

SHAPE = (128, 128)
SCALE = 0.2


def make_stack():
    """Return three frames of a few Gaussian stars, exactly where the headers say."""
    rng = np.random.default_rng(1)
    y, x = (c.ravel() for c in np.mgrid[20:120:28, 20:120:28])
    x, y = x + rng.uniform(-3, 3, x.size), y + rng.uniform(-3, 3, y.size)
    j, i = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frames = []
    for index, (dx, dy) in enumerate([(0, 0), (2.4, -3.1), (-4.2, 1.7)]):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix = [150.0, 20.0], [64.5 + dx, 64.5 + dy]
        wcs.wcs.cd = np.diag([-SCALE, SCALE]) / 3600
        wcs.wcs.set()
        image = rng.normal(size=SHAPE) * 10
        for x0, y0 in zip(x + dx, y + dy, strict=True):
            image += 2000 * np.exp(-0.5 * ((i - x0) ** 2 + (j - y0) ** 2) / 1.6**2)
        header = fits.Header({"EXPTIME": 10.0, "DATE-OBS": f"2018-12-17T23:0{index}:00"})
        variance = VarianceUncertainty(np.full(SHAPE, 100, dtype="f4"))
        mask = np.zeros(SHAPE, dtype=bool)
        frame = CCDData(image.astype("f4"), variance, mask, unit="adu", meta=header, wcs=wcs)
        frames.append(frame)
    return DitherStack.from_frames(frames)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.name)
class TestAlignmentEstimator:
    def test_one_solution_for_each_frame(self, estimator):
        stack = make_stack()
        result = estimator(stack)
        assert isinstance(result, Alignment)
        assert len(result.wcss) == len(stack)
        assert result.residuals.unit.is_equivalent(u.arcsec)
        assert result.fwhm.unit.is_equivalent(u.arcsec)
        assert np.all(np.isfinite(result.transparency))
        assert np.all(result.transparency > 0)
        assert 0 <= result.reference < len(stack)

    def test_right_headers_are_kept(self, estimator):
        stack = make_stack()
        for frame, wcs in zip(stack, estimator(stack).wcss, strict=True):
            place = wcs.wcs_world2pix(frame.wcs.wcs_pix2world([[10, 20], [100, 90]], 0), 0)
            np.testing.assert_allclose(place, [[10, 20], [100, 90]], atol=0.02)

    def test_frames_are_not_changed(self, estimator):
        stack, fresh = make_stack(), make_stack()
        result = estimator(stack)
        for frame, same, wcs in zip(stack, fresh, result.wcss, strict=True):
            np.testing.assert_array_equal(frame.data, same.data)
            np.testing.assert_array_equal(frame.uncertainty.array, same.uncertainty.array)
            assert not frame.mask.any()
            np.testing.assert_array_equal(frame.wcs.wcs.crval, same.wcs.wcs.crval)
            assert list(frame.meta) == list(same.meta)
            assert wcs is not frame.wcs

    def test_nothing_is_remembered(self, estimator):
        before = repr(estimator)
        one, two = estimator(make_stack()), estimator(make_stack())
        assert repr(estimator) == before
        for first, second in zip(one.wcss, two.wcss, strict=True):
            np.testing.assert_array_equal(first.wcs.crval, second.wcs.crval)

    def test_description(self, estimator):
        names = {type(estimator).__name__: type(estimator)}
        assert eval(repr(estimator), names) == estimator
        assert estimator.model_dump()["name"] == estimator.name
        assert inspect.getdoc(type(estimator))

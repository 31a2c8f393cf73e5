"""What every way to mask objects has in common."""

import inspect

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from emirimg.combine.mosaic import Mosaic
from emirimg.objects import ObjectMask, SegmentationMasker, ThresholdMasker
from emirimg.projection.grid import MosaicGrid

MASKERS = [SegmentationMasker(), ThresholdMasker()]

SHAPE = (120, 140)


def make_mosaic():
    rng = np.random.default_rng(1)
    j, i = np.mgrid[: SHAPE[0], : SHAPE[1]]
    data = rng.normal(size=SHAPE)
    for x, y, peak in ((40, 50, 100.0), (100, 80, 30.0)):
        data += peak * np.exp(-0.5 * ((i - x) ** 2 + (j - y) ** 2) / 1.8**2)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:10] = True
    data[mask] = 0
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cd = ["RA---TAN", "DEC--TAN"], np.diag([-0.2, 0.2]) / 3600
    wcs.wcs.set()
    coverage = np.where(mask, 0, 5)
    return Mosaic(
        MosaicGrid(wcs, SHAPE), data.astype("f4"), np.where(mask, 0, 1).astype("f4"), mask,
        coverage.astype("i2"), coverage.astype("f4"), fits.Header(),
    )  # fmt: skip


@pytest.mark.parametrize("masker", MASKERS, ids=lambda masker: masker.name)
class TestObjectMasker:
    def test_mask_fits_the_mosaic(self, masker):
        mosaic = make_mosaic()
        objects = masker(mosaic)
        assert isinstance(objects, ObjectMask)
        assert objects.mask.dtype == bool
        assert objects.mask.shape == SHAPE
        assert objects.grid is mosaic.grid

    def test_bright_objects_are_masked_and_the_sky_is_not(self, masker):
        mask = masker(make_mosaic()).mask
        assert mask[50, 40]
        assert mask[80, 100]
        assert mask.mean() < 0.3

    def test_pixels_without_data_are_false(self, masker):
        mosaic = make_mosaic()
        assert not masker(mosaic).mask[mosaic.mask].any()

    def test_a_mosaic_without_data(self, masker):
        mosaic = make_mosaic()
        nothing = Mosaic(
            **{
                **vars(mosaic),
                "mask": np.ones(SHAPE, dtype=bool),
                "variance": np.zeros(SHAPE, dtype="f4"),
            }
        )
        assert masker(nothing).fraction == 0

    def test_mosaic_is_not_changed(self, masker):
        mosaic, fresh = make_mosaic(), make_mosaic()
        masker(mosaic)
        for plane in ("data", "variance", "mask", "coverage", "exposure"):
            np.testing.assert_array_equal(getattr(mosaic, plane), getattr(fresh, plane))

    def test_nothing_is_remembered(self, masker):
        first = masker(make_mosaic())
        assert first.changed_fraction(masker(make_mosaic())) == 0

    def test_description(self, masker):
        names = {type(masker).__name__: type(masker)}
        assert eval(repr(masker), names) == masker
        assert masker.model_dump()["name"] == masker.name
        assert inspect.getdoc(type(masker))

from functools import partial

import numpy as np
import pytest

from emirimg.exceptions import InputError
from emirimg.io import read_outlines
from emirimg.objects import MaskWithRegions, SegmentationMasker, filled_outline

from .mosaics import SHAPE, mosaic_of, sources, tan_wcs


def test_an_outline_is_filled():
    phase = np.linspace(0, 2 * np.pi, 400)
    circle = 30 * np.column_stack([np.cos(phase), np.sin(phase)]) + [100, 80]
    y, x = np.mgrid[:200, :220]
    inside = np.hypot(x - 100, y - 80) < 30
    assert np.count_nonzero(filled_outline(circle, inside.shape) != inside) < 12
    cut = filled_outline(circle - [90, 0], inside.shape)
    assert cut[80, 0]
    assert not filled_outline(circle + 500.0, inside.shape).any()


def test_regions_on_the_sky_and_in_pixels(tmp_path):
    ra, dec = tan_wcs().wcs_pix2world(200.0, 120.0, 0)
    path = tmp_path / "mine.reg"
    path.write_text(f'fk5\ncircle({ra},{dec},4")\nimage\nbox(61,41,20,10,0)\npoint(5,5)\n')
    rng = np.random.default_rng(1)
    mosaic = mosaic_of(sources([60.0], [220.0], [2e4]), rng)
    mosaic.mask[:, 66:] |= np.indices(SHAPE)[0][:, 66:] < 45
    masker = SegmentationMasker()
    alone = masker(mosaic).mask
    mask = MaskWithRegions(masker, partial(read_outlines, path))(mosaic).mask
    assert mask[alone].all()
    added = mask & ~alone
    y, x = np.nonzero(added & (np.indices(SHAPE)[0] > 60))
    assert len(y) == pytest.approx(np.pi * 20**2, rel=0.02)
    assert (x.mean(), y.mean()) == (pytest.approx(200, abs=0.2), pytest.approx(120, abs=0.2))
    y, x = np.nonzero(added & (np.indices(SHAPE)[0] <= 60))
    assert (x.min(), y.max()) == (50, 45)
    assert x[y < 45].max() == 65


def test_a_file_without_an_area(tmp_path):
    path = tmp_path / "none.reg"
    path.write_text("image\npoint(5,5)\n")
    with pytest.raises(InputError, match=r"none\.reg: found no area; a shape of circle"):
        read_outlines(path)

"""What every combiner promises."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emirimg.combine import (
    CombinedPlanes,
    MeanCombiner,
    MedianCombiner,
    NoiseClipCombiner,
    SigmaClipCombiner,
)

COMBINERS = [
    MeanCombiner(),
    MedianCombiner(),
    SigmaClipCombiner(low=2.5),
    NoiseClipCombiner(threshold=5),
]


def stack(n, *, shape=(9, 40), masked=0.1):
    rng = np.random.default_rng(n)
    values = rng.normal(2, 1, size=(n, *shape)).astype(np.float32)
    return {
        "values": values,
        "variance": rng.uniform(0.5, 2, size=values.shape).astype(np.float32),
        "mask": rng.random(values.shape) < masked,
        "weights": np.ones(n),
    }


def combined(combiner, arguments, **changes):
    arguments = arguments | changes
    values = arguments.pop("values")
    return combiner(values, **arguments)


@pytest.mark.parametrize("combiner", COMBINERS, ids=repr)
class TestCombiners:
    @pytest.mark.parametrize("n", [1, 2, 3, 10])
    def test_the_result_has_the_promised_form(self, combiner, n):
        arguments = stack(n)
        planes = combined(combiner, arguments)
        assert isinstance(planes, CombinedPlanes)
        for plane in (planes.data, planes.variance):
            assert plane.shape == (9, 40)
            assert plane.dtype == np.float32
            assert np.isfinite(plane).all()
            assert not plane[planes.count == 0].any()
        assert planes.used.shape == (n, 9, 40)
        assert planes.used.dtype == bool
        assert not planes.used[arguments["mask"]].any()
        assert (planes.variance[planes.count > 0] > 0).all()
        assert_array_equal(planes.count > 0, ~arguments["mask"].all(axis=0))
        assert combiner.halo >= 0

    def test_one_image_comes_out_as_it_is(self, combiner):
        arguments = stack(1)
        planes = combined(combiner, arguments)
        good = ~arguments["mask"][0]
        assert_allclose(planes.data[good], arguments["values"][0][good])
        assert_allclose(planes.variance[good], arguments["variance"][0][good], rtol=1e-6)

    def test_a_wholly_masked_pixel_has_no_value(self, combiner):
        arguments = stack(4)
        arguments["mask"][:, 3, 5] = True
        planes = combined(combiner, arguments)
        assert planes.data[3, 5] == planes.variance[3, 5] == planes.count[3, 5] == 0

    def test_equal_images_keep_their_value(self, combiner):
        arguments = stack(5)
        arguments["values"][...] = 7.3
        planes = combined(combiner, arguments)
        assert_array_equal(planes.used, ~arguments["mask"])
        assert_allclose(planes.data[planes.count > 0], 7.3, rtol=1e-6)

    def test_what_lies_under_the_mask_does_not_matter(self, combiner):
        arguments = stack(6)
        expected = combined(combiner, arguments)
        for junk in (np.nan, -np.inf, 1e30):
            for name in ("values", "variance"):
                arguments[name][arguments["mask"]] = junk
            planes = combined(combiner, arguments)
            assert_array_equal(planes.data, expected.data)
            assert_array_equal(planes.variance, expected.variance)
            assert_array_equal(planes.used, expected.used)

    def test_the_order_of_the_images_does_not_matter(self, combiner):
        arguments = stack(7)
        arguments["weights"] = np.linspace(1, 2, 7)
        order = np.random.default_rng(0).permutation(7)
        expected = combined(combiner, arguments)
        planes = combined(combiner, {name: array[order] for name, array in arguments.items()})
        assert_allclose(planes.data, expected.data, rtol=1e-5, atol=1e-6)
        assert_allclose(planes.variance, expected.variance, rtol=1e-5)
        assert_array_equal(planes.used, expected.used[order])

    def test_an_image_of_weight_zero_is_as_good_as_masked(self, combiner):
        arguments = stack(5)
        weights = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
        planes = combined(combiner, arguments, weights=weights)
        arguments["mask"][2] = True
        expected = combined(combiner, arguments)
        assert_array_equal(planes.data, expected.data)
        assert_array_equal(planes.variance, expected.variance)
        assert_array_equal(planes.used, expected.used)

    def test_the_scale_of_the_weights_does_not_matter(self, combiner):
        arguments = stack(5)
        weights = np.linspace(1, 2, 5)
        first, second = (
            combined(combiner, arguments, weights=factor * weights) for factor in (1, 100)
        )
        assert_allclose(first.data, second.data, rtol=1e-6)
        assert_allclose(first.variance, second.variance, rtol=1e-6)

    def test_other_weights_give_another_mean(self, combiner):
        arguments = stack(5)
        equal = combined(combiner, arguments)
        unequal = combined(combiner, arguments, weights=np.array([9.0, 1.0, 1.0, 1.0, 1.0]))
        # A median knows images that take part and images that do not.
        assert np.array_equal(equal.data, unequal.data) == isinstance(combiner, MedianCombiner)

    def test_a_halo_is_all_that_a_band_must_know(self, combiner):
        arguments = stack(6)
        arguments["values"][:, 3:6, 10:20] *= 30
        whole = combined(combiner, arguments)
        halo, rows = combiner.halo, slice(4, 6)
        part = slice(rows.start - halo, rows.stop + halo)
        band = combined(
            combiner,
            {k: a if k == "weights" else a[:, part] for k, a in arguments.items()},
        )
        inner = slice(halo, halo + 2)
        assert_array_equal(band.data[inner], whole.data[rows])
        assert_array_equal(band.variance[inner], whole.variance[rows])
        assert_array_equal(band.used[:, inner], whole.used[:, rows])

    def test_its_arguments_are_not_changed(self, combiner):
        arguments = stack(5)
        before = {name: array.copy() for name, array in arguments.items()}
        combined(combiner, arguments)
        combined(combiner, arguments, weights=np.array([0.0, 1.0, 1.0, 1.0, 1.0]))
        for name, array in before.items():
            assert_array_equal(arguments[name], array)

    def test_its_repr_can_be_typed_back(self, combiner):
        assert eval(repr(combiner), {type(combiner).__name__: type(combiner)}) == combiner

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"values": np.zeros((3, 4), np.float32)},
                r"values must have the shape \(n, ny, nx\)",
            ),
            ({"mask": np.zeros((3, 4), bool)}, "mask must have the shape of values"),
            ({"variance": np.zeros((3, 4), np.float32)}, "variance must have the shape of values"),
            ({"weights": np.ones(2)}, "weights must be 3 numbers"),
            ({"weights": np.array([1.0, -1.0, 1.0])}, "none of them negative"),
        ],
    )
    def test_arrays_that_do_not_fit_are_refused(self, combiner, changes, message):
        with pytest.raises(ValueError, match=message):
            combined(combiner, stack(3), **changes)

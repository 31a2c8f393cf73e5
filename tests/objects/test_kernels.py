import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from emirimg.objects.kernels import aperture_sums, grow_labels, squared_distances


def test_aperture_sums_are_those_of_numpy():
    rng = np.random.default_rng(1)
    data, variance = rng.normal(size=(2, 30, 40)).astype("f4")
    y, x = rng.integers(3, 27, 50), rng.integers(3, 37, 50)
    dy, dx = np.mgrid[-2:3, -2:3].reshape(2, -1)
    sums, variances = aperture_sums(
        data.ravel(), variance.ravel(), y * 40 + x, (dy * 40 + dx).astype(np.int64)
    )
    pixels = y[:, None] + dy, x[:, None] + dx
    np.testing.assert_allclose(sums, data[pixels].sum(axis=1, dtype=float), atol=1e-5)
    np.testing.assert_allclose(variances, variance[pixels].sum(axis=1, dtype=float), atol=1e-5)


def test_labels_grow_by_their_radius_and_those_of_a_negative_one_are_left_out():
    labels = np.zeros((30, 30), dtype=np.int32)
    labels[8, 8], labels[20, 22] = 1, 2
    out = np.zeros(labels.shape, dtype=bool)
    grow_labels(labels, np.flatnonzero(labels), np.array([0.0, 3.5, -1.0]), out)
    y, x = np.indices(labels.shape)
    np.testing.assert_array_equal(out, np.hypot(y - 8, x - 8) <= 3.5)


@pytest.mark.parametrize("reach", [1, 6, 90])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.3])
def test_distances_are_those_of_scipy_up_to_the_reach(reach, part):
    free = np.random.default_rng(3).random((50, 71)) >= part
    want = np.full(free.shape, (reach + 1) ** 2)
    if part:
        want = np.minimum(np.rint(distance_transform_edt(free) ** 2), want)
    np.testing.assert_array_equal(squared_distances(free, reach), want)

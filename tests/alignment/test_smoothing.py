import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from emirimg.alignment.smoothing import gaussian_smoothed


@pytest.mark.parametrize("sigma", [0.4, 1.5, 3.0])
@pytest.mark.parametrize("shape", [(40, 61), (3, 5)])
def test_the_gaussian_is_that_of_scipy(shape, sigma):
    image = np.random.default_rng(1).normal(size=shape).astype("f4")
    expected = gaussian_filter(image.astype(float), sigma, truncate=3.0, mode="nearest")
    np.testing.assert_allclose(gaussian_smoothed(image, sigma), expected, atol=2e-6)
    expected = gaussian_filter(image.astype(float), sigma, truncate=2.0, mode="nearest")
    np.testing.assert_allclose(gaussian_smoothed(image, sigma, truncate=2), expected, atol=2e-6)

"""Smooth an image with a Gaussian (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["gaussian_smoothed"]


def gaussian_smoothed(
    image: NDArray[np.float32], sigma: float, *, truncate: float = 3.0
) -> NDArray[np.float32]:
    """Smooth an image with a Gaussian; its outermost pixels are repeated beyond it.

    `scipy.ndimage.gaussian_filter` with ``mode="nearest"``, in single precision and in
    a fifth of the time.

    Parameters
    ----------
    image : `~numpy.ndarray` of float32
        Shape (ny, nx); all finite.
    sigma : float
        Standard deviation, in pixels.
    truncate : float, optional
        Where the Gaussian ends, in standard deviations. Default: 3.
    """
    reach = int(truncate * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    image = np.ascontiguousarray(image, dtype=np.float32)
    result = np.empty_like(image)
    _convolve(image, (kernel / kernel.sum()).astype(np.float32), result)
    return result


@njit(nogil=True, cache=True, fastmath={"contract"})
def _convolve(
    image: NDArray[np.float32], kernel: NDArray[np.float32], result: NDArray[np.float32]
) -> None:  # pragma: no cover  (compiled)
    """Convolve with a symmetric kernel along both axes, a row at a time."""
    ny, nx = image.shape
    reach = kernel.size // 2
    line = np.empty(nx + 2 * reach, np.float32)
    middle = line[reach : reach + nx]
    for y in range(ny):
        row, out = image[y], result[y]
        for x in range(nx):
            middle[x] = kernel[reach] * row[x]
        # Of slices all indices are positive, which is plain to the compiler: it works on
        # many pixels at once.
        for k in range(1, reach + 1):
            weight, up, down = kernel[reach + k], image[max(y - k, 0)], image[min(y + k, ny - 1)]
            for x in range(nx):
                middle[x] += weight * (up[x] + down[x])
        line[:reach], line[reach + nx :] = middle[0], middle[nx - 1]
        for x in range(nx):
            out[x] = kernel[reach] * middle[x]
        for k in range(1, reach + 1):
            weight, left, right = kernel[reach + k], line[reach - k :], line[reach + k :]
            for x in range(nx):
                out[x] += weight * (left[x] + right[x])

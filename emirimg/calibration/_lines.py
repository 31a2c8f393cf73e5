"""All straight lines across an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._trail_kernels import line_sums

__all__ = ["Lines"]


@dataclass(frozen=True, eq=False)
class Lines:
    """Sums along all lines through an image, shape (n_angles, nx + ny).

    Of each row, a line takes one pixel; of each column, if its normal is nearer to the y axis.

    Parameters
    ----------
    angles : `~numpy.ndarray`
        Directions of the normals, in radians from the x axis towards y.
    middle, step : `~numpy.ndarray`
        For each angle, which line passes through the centre of the image, and how far
        those beside it are along the normal, in pixels.
    sums, numbers : `~numpy.ndarray` of float32
        Of each line.
    """

    angles: NDArray[np.float64]
    middle: NDArray[np.float64]
    step: NDArray[np.float64]
    sums: NDArray[np.float32]
    numbers: NDArray[np.float32]

    @classmethod
    def through(cls, total: NDArray[np.float32], count: NDArray[np.float32]) -> Lines:
        """Add up an image and the numbers that belong to its pixels."""
        ny, nx = total.shape
        # The ends of lines at neighbouring angles are less than a pixel apart.
        angles = np.arange(0, np.pi, 2 / max(ny, nx))
        cosine, sine = np.cos(angles), np.sin(angles)
        flat = np.abs(cosine) < np.abs(sine)
        sums = np.empty((2, len(angles), nx + ny), np.float32)
        for image, lines in zip((total, count), sums, strict=True):
            lines[~flat] = line_sums(image, sine[~flat] / cosine[~flat])
            lines[flat] = line_sums(np.ascontiguousarray(image.T), cosine[flat] / sine[flat])
        middle = np.where(flat, nx // 2 + (ny - 1) / 2, ny // 2 + (nx - 1) / 2)
        return cls(angles, middle, np.where(flat, sine, cosine), *sums)

    def place(self, row: int, column: int) -> tuple[float, float]:
        """Return the angle of a line and its distance from the centre, in pixels."""
        distance = (column - self.middle[row]) * self.step[row]
        return float(self.angles[row]), float(distance)

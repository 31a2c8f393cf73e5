"""Objects that touch each other, separated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.utils import minversion
from numpy.typing import NDArray

if TYPE_CHECKING:
    from photutils.segmentation import SegmentationImage

__all__ = ["deblended"]


def deblended(
    image: NDArray[np.float32],
    segments: SegmentationImage,
    npixels: int,
    *,
    contrast: float = 0.001,
) -> SegmentationImage:
    """Separate objects, without a progress bar.

    Parameters
    ----------
    image, segments, npixels, contrast
        As `photutils.segmentation.deblend_sources` takes them.
    """
    from photutils.segmentation import deblend_sources  # noqa: PLC0415 (heavy)

    # Later versions have no bar, and object to the word.
    quiet = {} if minversion("photutils", "3.1") else {"progress_bar": False}
    return deblend_sources(image, segments, npixels, contrast=contrast, **quiet)

"""What the sky left behind in a frame: quadrants, channels, gradients."""

from __future__ import annotations

from typing import Literal

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from pydantic import Field

from .._strategy import Strategy
from ..instrument import Detector, read_metadata
from ._blocks import interpolate_blocks, measure_blocks, smooth_blocks
from ._channels import channel_image, channel_offsets
from ._regions import block_edges, channels_of, unusable, warn_of_masks
from ._surface import fit_surface
from .striping import add_stripes

__all__ = ["ChannelMedian", "DetectorResidual", "QuadrantSurface", "SmoothResidual"]


class QuadrantSurface(Strategy):
    """Low-order surfaces, for the whole frame or for each quadrant.

    Parameters
    ----------
    box_size : int
        Side of the blocks whose medians are fitted, in pixels.
    max_order : int
        Largest order of the polynomials in y and x.

    Notes
    -----
    No surface, one polynomial for the whole frame, and one for each quadrant
    compete, for each order up to ``max_order``, by the Bayesian information
    criterion: a frame without a residual is left alone. Polynomials that
    masks leave badly determined anywhere on the frame are not admitted.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.sky import QuadrantSurface
    >>> y = np.linspace(-1, 1, 256, dtype="f4")[:, None]
    >>> image = 10 * y + np.random.default_rng(1).normal(0, 5, (256, 256)).astype("f4")
    >>> surface = QuadrantSurface(max_order=1).of_array(image, None)
    >>> surface[[0, -1], 0].round()
    array([-10.,  10.], dtype=float32)
    """

    name: Literal["quadrant"] = "quadrant"
    box_size: int = Field(default=64, ge=8)
    max_order: int = Field(default=3, ge=0, le=4)

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the residual background of a sky-subtracted frame.

        Parameters
        ----------
        frame : `~astropy.nddata.CCDData`
            Sky-subtracted frame, shape (ny, nx).
        objects : `~numpy.ndarray` of bool, optional
            True on objects, in the plane of the frame.

        Returns
        -------
        `~numpy.ndarray` of float32
            Shape (ny, nx), in the unit of the frame.

        Warns
        -----
        SkyWarning
            If masks leave nothing to measure; the residual is 0 then.
        """
        return self.of_array(frame.data, unusable(frame, objects))

    def of_array(
        self, data: NDArray[np.floating], mask: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        """Return the surface of an image, shape (ny, nx), of which masked pixels do not count."""
        blocks = measure_blocks(data, mask, block_edges(data.shape, self.box_size))
        if not np.isfinite(blocks.median).any():
            warn_of_masks()
        return fit_surface(blocks, data.shape, max_order=self.max_order)()


class ChannelMedian(Strategy):
    """One constant for each readout channel.

    Notes
    -----
    The medians of the channels are shrunk by the evidence for them: where
    they differ by no more than their errors, they are 0, and no noise is
    added. A frame smaller than the detector is taken to be its central part.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import ChannelMedian
    >>> frame = Scene(detector="H2RG", shape=(128, 128), n_stars=0, n_galaxies=0).exposure(0)
    >>> frame.data = np.random.default_rng(1).normal(0, 20, frame.shape)
    >>> frame.data[:, 64:] += 30  # the second channel
    >>> residual = ChannelMedian()(frame)
    >>> residual[0, [0, 64]].round()
    array([-0., 30.], dtype=float32)
    """

    name: Literal["channel"] = "channel"

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the residual background; see `QuadrantSurface`."""
        channels = channels_of(read_metadata(frame.meta).detector, frame.shape)
        mask = unusable(frame, objects)
        if mask is not None and mask.all():
            warn_of_masks()
        offsets = channel_offsets(frame.data, mask, channels)
        return channel_image(offsets, channels, frame.shape)


class SmoothResidual(Strategy):
    """A smooth surface through the medians of blocks, for atmospheric gradients.

    Parameters
    ----------
    box_size : int
        Side of the blocks, in pixels.
    smoothing : float
        Standard deviation of the Gaussian that smooths the medians, in blocks.

    Notes
    -----
    Follows anything that is larger than a few blocks, the haloes of large
    galaxies included, unless they are masked.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.nddata import CCDData
    >>> from emirimg.sky import SmoothResidual
    >>> gradient = np.linspace(-20, 20, 256) * np.ones((256, 1))
    >>> noise = np.random.default_rng(1).normal(0, 10, gradient.shape)
    >>> frame = CCDData(gradient + noise, unit="adu")
    >>> residual = SmoothResidual(box_size=32)(frame)
    >>> bool(np.abs(residual - gradient).max() < 3)
    True
    """

    name: Literal["smooth"] = "smooth"
    box_size: int = Field(default=128, ge=8)
    smoothing: float = Field(default=1.0, gt=0)

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the residual background; see `QuadrantSurface`."""
        mask = unusable(frame, objects)
        blocks = measure_blocks(frame.data, mask, block_edges(frame.shape, self.box_size))
        if not np.isfinite(blocks.median).any():
            warn_of_masks()
            return np.zeros(frame.shape, dtype=np.float32)
        return interpolate_blocks(blocks, smooth_blocks(blocks, self.smoothing))


class DetectorResidual(Strategy):
    """The residual that the detector of the frame is known for.

    Parameters
    ----------
    box_size : int
        Side of the blocks whose medians are fitted, in pixels.
    max_order : int
        Largest order of the polynomials in y and x.

    Notes
    -----
    HAWAII-2: `QuadrantSurface`. H2RG: `ChannelMedian`, and a polynomial for
    the whole frame, if there is evidence for one, through what the channels
    leave. Both: `RowColumnStriping` in what that leaves, once the objects are known.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import DetectorResidual
    >>> frame = Scene(shape=(256, 256), n_stars=0, n_galaxies=0).exposure(0)  # HAWAII-2
    >>> frame.data = np.random.default_rng(1).normal(0, 20, frame.shape)
    >>> frame.data[128:, 128:] += 25  # a false background in the last quadrant
    >>> residual = DetectorResidual(box_size=32)(frame)
    >>> print(f"{residual[:128].mean():.0f} {residual[128:, 128:].mean():.0f}")
    -0 25
    """

    name: Literal["detector"] = "detector"
    box_size: int = Field(default=64, ge=8)
    max_order: int = Field(default=3, ge=0, le=4)

    def __call__(
        self, frame: CCDData, /, *, objects: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return the residual background; see `QuadrantSurface`."""
        detector = read_metadata(frame.meta).detector
        mask = unusable(frame, objects)
        if detector.in_quadrants:
            quadrants = QuadrantSurface(box_size=self.box_size, max_order=self.max_order)
            found = quadrants.of_array(frame.data, mask)
        else:
            found = self._of_channels(frame, mask, detector)
        # Objects that are not masked raise the lines that they lie on, by less than shows
        # later among the noise: what they take away would stay away.
        if objects is not None:
            add_stripes(found, frame.data, mask)
        return found

    def _of_channels(
        self, frame: CCDData, mask: NDArray[np.bool_] | None, detector: Detector
    ) -> NDArray[np.float32]:
        """Return the levels of the channels, and a surface through what they leave."""
        channels = channels_of(detector, frame.shape)
        edges = block_edges(frame.shape, self.box_size, detector)
        surface = np.zeros(frame.shape, dtype=np.float32)
        for _ in range(2):
            offsets = channel_offsets(frame.data - surface, mask, channels)
            steps = channel_image(offsets, channels, frame.shape)
            blocks = measure_blocks(frame.data - steps, mask, edges)
            surface = fit_surface(blocks, frame.shape, max_order=self.max_order, quadrants=False)()
        if not np.isfinite(blocks.median).any():
            warn_of_masks()
        steps += surface
        return steps

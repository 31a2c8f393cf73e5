"""Requirements of observation blocks become strategy objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import astropy.units as u

from ..alignment import CrossCorrelation, ReferenceObjectAlignment
from ..blocks import DitherRequirements, StareRequirements
from ..combine import Combiner, MeanCombiner, MedianCombiner, SigmaClipCombiner
from ..flat import DoughnutFit, SkyFlat
from ..objects import ThresholdMasker
from ..projection import IntegerShiftResampler, Undistortion
from ..sky import ConstantSky, QuadrantCells, ScaledNeighbourSky

__all__ = ["DitherStrategies", "upgrade_dither", "upgrade_stare"]


@dataclass(frozen=True)
class DitherStrategies:
    """The strategies of a combination of undistorted frames.

    Parameters
    ----------
    alignment : ReferenceObjectAlignment
        Places the frames.
    refinement : CrossCorrelation or None
        Refines their places with stars of the first mosaic.
    superflat : SkyFlat
        Makes the superflat.
    first_sky : ConstantSky
        The sky before objects are known.
    sky : ScaledNeighbourSky or None
        The sky afterwards.
    residual : QuadrantCells or None
        What the sky leaves behind, where it is measured in cells.
    channel_residual : bool
        Whether it is measured in readout channels.
    resampler : IntegerShiftResampler
        Takes the frames to the mosaic.
    combiner : Combiner
        Combines them.
    objects : ThresholdMasker
        Finds the objects.
    iterations : int
        How often objects are found and masked.
    extinction : float
        Magnitudes per airmass.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements
    >>> from emirimg.dither import upgrade_dither
    >>> strategies = upgrade_dither(DitherRequirements())
    >>> strategies.first_sky, strategies.sky, strategies.iterations
    (ConstantSky(), None, 0)
    """

    alignment: ReferenceObjectAlignment
    refinement: CrossCorrelation | None
    superflat: SkyFlat
    first_sky: ConstantSky
    sky: ScaledNeighbourSky | None
    residual: QuadrantCells | None
    channel_residual: bool
    resampler: IntegerShiftResampler
    combiner: Combiner
    objects: ThresholdMasker
    iterations: int
    extinction: float


def upgrade_stare(requirements: StareRequirements) -> Undistortion | None:
    """Return what removes the distortion of an exposure; `None`: nothing does.

    Parameters
    ----------
    requirements : StareRequirements
        Requirements of a block of the mode STARE_IMAGE.

    Examples
    --------
    >>> from emirimg.blocks import StareRequirements
    >>> from emirimg.dither import upgrade_stare
    >>> upgrade_stare(StareRequirements(reprojection_method="adaptive"))
    Undistortion(method='adaptive')
    >>> upgrade_stare(StareRequirements(reprojection_method="none")) is None
    True
    """
    method = requirements.reprojection_method
    return None if method == "none" else Undistortion(method=method)


def upgrade_dither(
    requirements: DitherRequirements, positions: Iterable[Sequence[float]] | None = None
) -> DitherStrategies:
    """Return the strategies of a combination.

    Parameters
    ----------
    requirements : DitherRequirements
        Requirements of a block of the mode FULL_DITHERED_IMAGE.
    positions : sequence of (x, y), optional
        Position of the reference object in each frame: the content of the
        file that ``requirements.offsets`` names.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements
    >>> from emirimg.dither import upgrade_dither
    >>> requirements = DitherRequirements(iterations=2, sky_images=6, method="median")
    >>> strategies = upgrade_dither(requirements)
    >>> strategies.combiner, strategies.sky
    (MedianCombiner(), ScaledNeighbourSky(combiner=MedianCombiner()))
    """
    combiner = _combiner(requirements)
    n_cells = requirements.nside_adhoc_sky_correction
    return DitherStrategies(
        alignment=ReferenceObjectAlignment(
            positions=None if positions is None else tuple((x, y) for x, y in positions)
        ),
        refinement=CrossCorrelation() if requirements.refine_offsets else None,
        superflat=SkyFlat(
            combiner=combiner, doughnut=DoughnutFit() if requirements.fit_doughnut else None
        ),
        first_sky=ConstantSky(),
        sky=ScaledNeighbourSky(
            n_frames=requirements.sky_images,
            max_separation=requirements.sky_images_sep_time * u.min,
            combiner=combiner,
        )
        if requirements.sky_images > 0
        else None,
        residual=QuadrantCells(n_side=n_cells) if n_cells > 0 else None,
        channel_residual=requirements.adhoc_sky_correction_h2rg,
        resampler=IntegerShiftResampler(),
        combiner=combiner,
        objects=ThresholdMasker(),
        iterations=requirements.iterations,
        extinction=requirements.extinction,
    )


def _combiner(
    requirements: DitherRequirements,
) -> SigmaClipCombiner | MeanCombiner | MedianCombiner:
    if requirements.method == "sigmaclip":
        limits = requirements.method_kwargs
        return SigmaClipCombiner(low=limits.low, high=limits.high)
    return MeanCombiner() if requirements.method == "mean" else MedianCombiner()

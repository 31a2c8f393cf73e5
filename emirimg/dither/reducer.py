"""From raw exposures to a mosaic: the order of the steps, and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .._parallel import Progress, default_executor, no_progress
from ..alignment import Alignment, AlignmentEstimator, ReferenceCatalogue, StarAlignment
from ..calibration import (
    Calibrations,
    HiddenPixelDetector,
    LaplacianCosmicRays,
    PersistenceDetector,
    ReferenceOutliers,
    Trail,
    TrailDetector,
)
from ..combine import Combiner, Mosaic, NoiseClipCombiner
from ..exceptions import SkyWarning
from ..flat import Illumination, StarFlat
from ..objects import ObjectMask, ObjectMasker, SegmentationMasker
from ..projection import LanczosResampler, MosaicGrid, Resampler
from ..sky import DetectorResidual, PatternSky, SkyEstimator, SkyResidual
from .beside import sky_beside
from .conclude import conclude, frame_records, sky_findings
from .exposure import ExposureReducer
from .flagging import Flags, flag_frames
from .illumination import find_illumination, star_places
from .loading import load
from .notes import noted_warnings
from .result import DitherResult
from .steps import Steps, placed, with_flags, with_masks_of
from .tie import catalogue_magnitudes
from .weights import without_opaque

__all__ = ["DitherReducer"]

_MOST_MASKED = 0.8
"""Object masks that cover more of the mosaic than this are not believed."""

_MASK_IS_STABLE = 0.03
"""Object masks that differ in less than this fraction of the mosaic are the same: their
rims flicker with the noise, and another pass changes no measure of the mosaic."""


class DitherReducer:
    """Reduce the dithered exposures of one field to a mosaic.

    Every parameter is a strategy object or any callable with the same
    signature.

    Parameters
    ----------
    calibrations : Calibrations, optional
        Bad-pixel mask, dark and flat. Default: none of them.
    gain : float, optional
        Electrons per ADU. Default: the header's, or that of the detector.
    read_noise : float, optional
        ADU. Default: the header's, or that of the detector.
    hidden_pixels : callable or None, optional
        Finds the bad pixels that are not in the mask. Default:
        `~emirimg.calibration.HiddenPixelDetector`; `None`: not looked for.
    sky : SkyEstimator, optional
        Default: `~emirimg.sky.PatternSky`.
    residual : SkyResidual or None, optional
        Removes what the sky left behind. Default:
        `~emirimg.sky.DetectorResidual`; `None`: not removed.
    alignment : AlignmentEstimator, optional
        Default: `~emirimg.alignment.StarAlignment`.
    outliers : callable or None, optional
        Flags cosmic rays in the detector plane, given a first mosaic.
        Default: `~emirimg.calibration.ReferenceOutliers`; `None`: not flagged.
    cosmic_rays : callable or None, optional
        Flags cosmic rays of a single exposure, used where fewer than three
        exposures overlap. Default:
        `~emirimg.calibration.LaplacianCosmicRays`; `None`: not flagged.
    starflat : callable or None, optional
        Finds the illumination from the stars, by which the frames are then
        divided. Default: `~emirimg.flat.StarFlat`; `None`: no correction.
    resampler : Resampler, optional
        Default: `~emirimg.projection.LanczosResampler`.
    combiner : Combiner, optional
        Default: `~emirimg.combine.NoiseClipCombiner`.
    objects : ObjectMasker or None, optional
        Default: `~emirimg.objects.SegmentationMasker`; `None`: the sky is
        estimated without a mask of the objects.
    passes : int, optional
        How often, at most, the sky is estimated anew with the objects found
        in the last mosaic. Fewer when the mask no longer changes. Default: 3.
    min_transparency : float, optional
        Frames less transparent than this, relative to the clearest, are left out of
        the mosaic; the others are weighted. Default: 0.2.
    catalogue : ReferenceCatalogue, optional
        Stars to which the illumination, the WCS and the zero point of the mosaic are
        tied. Default: none.
    grid : MosaicGrid, optional
        Where the mosaic's pixels shall lie. Default: a north-up gnomonic grid
        of the scale of the exposures that holds all of them.
    executor : `concurrent.futures.Executor`, optional
        Default: threads, one for each processor.
    progress : callable, optional
        ``progress(items, description, total)`` yields the items and shows how
        far the work has got. Default: shows nothing.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.sky import ConstantSky
    >>> reducer = DitherReducer(sky=ConstantSky(), passes=1)
    >>> reducer.sky
    ConstantSky()
    """

    def __init__(
        self,
        *,
        calibrations: Calibrations | None = None,
        gain: float | None = None,
        read_noise: float | None = None,
        hidden_pixels: Callable[..., NDArray[np.bool_]] | None = HiddenPixelDetector(),
        sky: SkyEstimator = PatternSky(),
        residual: SkyResidual | None = DetectorResidual(),
        alignment: AlignmentEstimator = StarAlignment(),
        outliers: Callable[..., NDArray[np.bool_]] | None = ReferenceOutliers(),
        trails: Callable[..., Sequence[Trail]] | None = TrailDetector(),
        persistence: PersistenceDetector | None = PersistenceDetector(),
        cosmic_rays: Callable[..., NDArray[np.bool_]] | None = LaplacianCosmicRays(),
        starflat: Callable[..., Illumination] | None = StarFlat(),
        resampler: Resampler = LanczosResampler(),
        combiner: Combiner = NoiseClipCombiner(),
        objects: ObjectMasker | None = SegmentationMasker(),
        passes: int = 3,
        min_transparency: float = 0.2,
        catalogue: ReferenceCatalogue | None = None,
        grid: MosaicGrid | None = None,
        executor: Executor | None = None,
        progress: Progress = no_progress,
    ) -> None:
        if passes < 1:
            msg = f"passes must be at least 1, got {passes}"
            raise ValueError(msg)
        if not 0 <= min_transparency <= 1:
            msg = f"min_transparency must lie between 0 and 1, got {min_transparency}"
            raise ValueError(msg)
        self.calibrate = ExposureReducer(
            calibrations=calibrations, gain=gain, read_noise=read_noise
        )
        self.hidden_pixels = hidden_pixels
        self.sky = sky
        self.residual = residual
        self.alignment = alignment
        self.outliers = outliers
        self.trails = trails
        self.persistence = persistence
        self.cosmic_rays = cosmic_rays
        self.starflat = starflat
        self.resampler = resampler
        self.combiner = combiner
        self.objects = objects
        self.passes = passes
        self.min_transparency = min_transparency
        self.catalogue = catalogue
        self.grid = grid
        self.executor = executor
        self.progress = progress

    @property
    def strategies(self) -> dict[str, str]:
        """The strategies, as texts that can be typed back."""
        names = (
            "hidden_pixels", "sky", "residual", "alignment", "outliers", "trails",
            "persistence", "cosmic_rays", "starflat", "resampler", "combiner", "objects",
            "passes", "min_transparency",
        )  # fmt: skip
        return {name: repr(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}={text}" for name, text in self.strategies.items())
        return f"{type(self).__name__}({parameters})"

    def reduce(
        self,
        exposures: Sequence[str | Path | CCDData],
        *,
        sky_exposures: Sequence[str | Path | CCDData] = (),
    ) -> DitherResult:
        """Reduce exposures to a mosaic.

        Parameters
        ----------
        exposures : sequence of path or `~astropy.nddata.CCDData`
            Raw exposures of one object through one filter, of one exposure
            time, in any order. Repeats at one position (NEXP) are recognised.
        sky_exposures : sequence of path or `~astropy.nddata.CCDData`, optional
            Raw exposures of the sky beside an extended target; they do not
            enter the mosaic. Without them, such exposures among ``exposures``
            are recognised by an OBJECT that says SKY or OFF or, failing that, by
            pointings that do not overlap with the others.

        Returns
        -------
        DitherResult

        Raises
        ------
        MixedExposuresError
            If the exposures must not be combined.
        FrameError
            If a file cannot be used; it is named.
        CalibrationError
            If a calibration does not fit the exposures.

        Warns
        -----
        SkyWarning
            For each exposure without a valid sky, which is left out.
        """
        # Frames are what is worked on in parallel. Threads of the linear algebra on top of
        # that only wait for each other, and make sums depend on their number.
        with (
            noted_warnings() as notes,
            default_executor(self.executor) as executor,
            threadpool_limits(1, user_api="blas"),
        ):
            steps = Steps(executor, self.progress)
            loaded = load(exposures, self.calibrate, steps, sky_exposures)
            inventory = loaded.inventory
            stack, beside = loaded.split(steps.with_bad_pixels(loaded.stack, self.hidden_pixels))
            estimate_sky = sky_beside(self.sky, beside, self.objects, steps)
            del loaded, beside
            alignment: Alignment | None = None
            stars: NDArray[np.float64] | None = None
            magnitudes: tuple[NDArray[np.float64] | None, ...] = (None, None)
            objects: ObjectMask | None = None
            illumination: Illumination | None = None
            background = np.zeros(len(stack))
            flags = Flags.none(len(stack))
            for number in range(1, self.passes + 1):
                masks = steps.in_frames(objects, stack)
                skies = steps.once("Estimating the sky", estimate_sky, stack, objects=masks)
                clean, rms = steps.subtract_sky(stack, skies, self.residual, masks)
                # Later passes find only what the first ones have left of it.
                background = np.maximum(background, rms)
                masks = None
                if alignment is None:
                    alignment = steps.once("Aligning", self.alignment, clean)
                    alignment = without_opaque(alignment, stack.names, self.min_transparency)
                    calibrated = stack = placed(stack, alignment)
                    clean = placed(clean, alignment)
                    used = [w for w, ok in zip(alignment.wcss, alignment.used, strict=True) if ok]
                    grid = self.grid or MosaicGrid.covering(used, [stack.shape] * len(used))
                if stars is not None and illumination is None:
                    illumination = find_illumination(
                        clean, skies, stars, alignment, self.starflat, steps,
                        magnitudes=magnitudes,
                    )  # fmt: skip
                if illumination is not None:
                    steps.divide(clean, illumination)
                combination = steps.combined(clean, alignment, grid, self.resampler, self.combiner)
                before = objects
                objects = self._find_objects(
                    combination.mosaic, steps, believe=estimate_sky is not self.sky
                )
                if objects is None or _is_settled(before, objects) or number == self.passes:
                    break
                # Flagged anew: what the last, poorer mosaic suspected is forgotten.
                clean = with_masks_of(clean, calibrated)
                flags = flag_frames(
                    clean,
                    combination.mosaic,
                    alignment,
                    steps,
                    outliers=self.outliers,
                    trails=self.trails,
                    persistence=self.persistence,
                    cosmic_rays=self.cosmic_rays,
                )
                if self.starflat is not None and stars is None:
                    stars = star_places(combination.mosaic)
                    magnitudes = catalogue_magnitudes(combination.mosaic, stars, self.catalogue)
                steps.restore_sky(clean, skies, illumination)
                stack = with_flags(calibrated, flags.masks)
                flags = replace(flags, masks=None)
                # Their memory is wanted for the next pass.
                skies = clean = combination = None
            records = frame_records(clean, skies, alignment, combination, background, flags)
            about_sky = sky_findings(skies, inventory)
            first, metadata = stack[0].meta, stack.metadata
            # The measurements want the memory of the frames.
            del stack, clean, calibrated, skies, estimate_sky
            return conclude(
                first,
                metadata,
                records,
                alignment,
                combination.mosaic,
                objects,
                illumination,
                flags,
                strategies=self.strategies,
                inventory=inventory,
                about_sky=about_sky,
                notes=notes,
                catalogue=self.catalogue,
            )

    def _find_objects(self, mosaic: Mosaic, steps: Steps, *, believe: bool) -> ObjectMask | None:
        if self.objects is None:
            return None
        found = steps.once("Finding objects", self.objects, mosaic)
        if not believe and found.mask.sum() > _MOST_MASKED * (~mosaic.mask).sum():
            msg = (
                f"the objects cover {100 * found.fraction:.0f} % of the mosaic: what was found is"
                " rather the background; the sky is estimated without a mask of objects."
                " An extended target needs exposures of the sky beside it"
            )
            warnings.warn(msg, SkyWarning, stacklevel=2)
            return None
        return found


def _is_settled(before: ObjectMask | None, now: ObjectMask) -> bool:
    return before is not None and now.changed_fraction(before) < _MASK_IS_STABLE

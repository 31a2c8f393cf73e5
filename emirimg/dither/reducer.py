"""From raw exposures to a mosaic: the order of the steps, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from astropy.nddata import CCDData
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .._memory import default_memory
from .._parallel import THREADS, Progress, default_executor, no_progress
from ..alignment import AlignmentEstimator, ReferenceCatalogue, StarAlignment
from ..calibration import (
    Calibrations,
    HiddenPixelDetector,
    LaplacianCosmicRays,
    PersistenceDetector,
    ReferenceOutliers,
    Trail,
    TrailDetector,
)
from ..combine import Combiner, NoiseClipCombiner
from ..flat import Illumination, StarFlat
from ..io import ByFiles, Scratch
from ..objects import ObjectMasker, SegmentationMasker
from ..projection import LanczosResampler, MosaicGrid, Resampler
from ..sky import DetectorResidual, PatternSky, SkyEstimator, SkyResidual
from .arguments import listed_exposures, require_strategies
from .beside import sky_beside
from .conclude import concluding
from .exposure import ExposureReducer
from .field import Field
from .field_steps import FieldSteps, with_masks_of
from .flagging import Finders
from .loading import Inventory, load
from .looks import first_looks, last_looks
from .notes import noted_warnings
from .passes import (
    combine_field,
    correct_illumination,
    flag_field,
    is_settled,
    place_frames,
    subtract_sky,
)
from .result import DitherResult
from .stars import watched_stars

__all__ = ["DitherReducer"]

_STEPS = (
    "hidden_pixels", "sky", "residual", "alignment", "outliers", "trails", "persistence",
    "cosmic_rays", "starflat", "resampler", "combiner", "objects",
)  # fmt: skip


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
    trails : callable or None, optional
        Finds the trails of satellites and meteors in the detector plane. Default:
        `~emirimg.calibration.TrailDetector`; `None`: not flagged.
    persistence : PersistenceDetector or None, optional
        Finds what bright stars leave in later exposures. Default:
        `~emirimg.calibration.PersistenceDetector`; `None`: not flagged.
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
    max_memory : int, optional
        Bytes that the reduction may use, roughly. A third of it is for the frames; those that do
        not fit are kept in scratch files. The result is the same. Default: 1.4 GB, or half of
        the memory that is available where that is less.
    scratch : path, optional
        Where a directory for scratch files is made, which goes away in the end. Default: where
        the system keeps temporary files.
    executor : `concurrent.futures.Executor`, optional
        Where frames and bands of the mosaic are worked on: threads, processes, or the
        machines of a cluster, which must see ``scratch``. The result is the same.
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
        max_memory: int | None = None,
        scratch: str | Path | None = None,
        executor: Executor | None = None,
        progress: Progress = no_progress,
    ) -> None:
        if passes < 1:
            msg = f"passes must be at least 1, got {passes}"
            raise ValueError(msg)
        if not 0 <= min_transparency <= 1:
            msg = f"min_transparency must lie between 0 and 1, got {min_transparency}"
            raise ValueError(msg)
        if max_memory is not None and max_memory < 0:
            msg = f"max_memory must not be negative, got {max_memory}"
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
        self.max_memory = max_memory
        self.scratch = scratch
        self.executor = executor
        self.progress = progress
        require_strategies({name: getattr(self, name) for name in _STEPS})

    @property
    def strategies(self) -> dict[str, str]:
        """The strategies, as texts that can be typed back."""
        return {
            name: repr(getattr(self, name)) for name in (*_STEPS, "passes", "min_transparency")
        }

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}={text}" for name, text in self.strategies.items())
        return f"{type(self).__name__}({parameters})"

    def reduce(
        self,
        exposures: Sequence[str | Path | CCDData],
        *,
        sky_exposures: Sequence[str | Path | CCDData] = (),
        meanwhile: Callable[[], object] | None = None,
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
        meanwhile : callable, optional
            Called once, without arguments, in a thread of its own, when the last mosaic is made
            and the frames are let go: its measurements leave a processor and memory to load,
            say, what draws it. What it raises is raised in the end.

        Returns
        -------
        DitherResult

        Raises
        ------
        MixedExposuresError
            If the exposures must not be combined, or there are none.
        TypeError
            If they are a single path.
        FrameError
            If a file cannot be used; it is named.
        CalibrationError
            If a calibration does not fit the exposures.

        Warns
        -----
        SkyWarning
            For each exposure without a valid sky, which is left out.

        Examples
        --------
        >>> from emirimg import DitherReducer
        >>> from emirimg.simulation import Scene
        >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, dither_scale=0.2)
        >>> exposures = [scene.exposure(index) for index in range(3)]
        >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
        >>> int(result.mosaic.coverage.max()), result.alignment.methods
        (3, ('stars', 'stars', 'stars'))
        """
        # Frames are what is worked on in parallel. Threads of the linear algebra on top of
        # that only wait for each other, and make sums depend on their number.
        with (
            noted_warnings() as notes,
            Scratch(self._budget(), self.scratch) as scratch,
            default_executor(self.executor) as pool,
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(max_workers=1, thread_name_prefix=THREADS) as beside,
        ):
            threads = isinstance(pool, ThreadPoolExecutor)
            executor = pool if threads else ByFiles(pool, scratch)
            steps = FieldSteps(executor, self.progress, scratch)
            find = Finders(self.outliers, self.trails, self.persistence, self.cosmic_rays)
            field, estimate_sky, inventory = self._load(
                listed_exposures(exposures), list(sky_exposures), steps
            )
            for number in range(1, self.passes + 1):
                subtract_sky(field, estimate_sky, self.residual, steps)
                if number == 1:
                    place_frames(field, self.alignment, self.min_transparency, self.grid, steps)
                correct_illumination(field, self.starflat, steps)
                combine_field(field, self.resampler, self.combiner, self.residual, steps)
                before, believe = field.objects, estimate_sky is not self.sky
                # Objects are searched for by one thread: another one does what comes next, or
                # what does if this pass turns out to be the last.
                first = self.objects is not None and number == 1 < self.passes
                if first:
                    watched = beside.submit(
                        watched_stars, with_masks_of(field.clean, field.frames), field.mosaic,
                        self.persistence, self.starflat, self.catalogue, steps,
                    )  # fmt: skip
                else:
                    seen = beside.submit(last_looks, field.clean, steps)
                field.objects = steps.find_objects(self.objects, field.mosaic, believe=believe)
                if first:
                    field.bright, field.stars, field.magnitudes = watched.result()
                else:
                    field.seen = seen.result()
                if field.objects is None or is_settled(before, field.objects):
                    break
                if number < self.passes:
                    flag_field(field, find, steps)
            conclude = concluding(
                field, steps, strategies=self.strategies, inventory=inventory, notes=notes,
                catalogue=self.catalogue,
            )  # fmt: skip
            # Now that the frames are gone there is memory for it.
            other = None if meanwhile is None else beside.submit(meanwhile)
            result = conclude()
            if other is not None:
                other.result()
            return result

    def _budget(self) -> int:
        """Return how many bytes of planes of frames may stay in memory: a third of all.

        None at all where the workers are no threads: they could not see them.
        """
        if not isinstance(self.executor, ThreadPoolExecutor | None):
            return 0
        return (default_memory() if self.max_memory is None else self.max_memory) // 3

    def _load(
        self,
        exposures: Sequence[str | Path | CCDData],
        sky_exposures: Sequence[str | Path | CCDData],
        steps: FieldSteps,
    ) -> tuple[Field, SkyEstimator, Inventory]:
        level = self.residual is not None
        loaded = load(exposures, self.calibrate, steps, sky_exposures, level_quadrants=level)
        stack, beside = loaded.split(steps.with_bad_pixels(loaded.stack, self.hidden_pixels))
        estimate_sky = sky_beside(self.sky, beside, self.objects, steps)
        bad_pixels = self.calibrate.calibrations.bad_pixels
        looks = first_looks(loaded, stack, bad_pixels, steps)
        return (
            Field.of(stack, looks, loaded.background[~loaded.beside]),
            estimate_sky,
            loaded.inventory,
        )

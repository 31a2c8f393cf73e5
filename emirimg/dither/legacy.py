"""The mode FULL_DITHERED_IMAGE: the order of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.wcs import WCS
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .._parallel import Progress, default_executor, no_progress
from .._provenance import add_history
from ..alignment import Alignment
from ..blocks import DitherRequirements
from ..combine import Mosaic
from ..exceptions import InputError
from ..projection import whole_pixel_shifts
from ..stack import DitherStack
from .legacy_stare import StareResult
from .legacy_steps import LegacySteps
from .notes import noted_warnings
from .upgrade import upgrade_dither

__all__ = ["DitheredImage", "full_dithered_image"]

Intermediate = Callable[[str, CCDData], CCDData | None]


@dataclass(frozen=True)
class DitheredImage:
    """A combined image.

    Parameters
    ----------
    data : `~numpy.ndarray` of float32
        ADU in the scale of one exposure, shape (ny, nx); 0 where no exposure
        gave a value.
    variance : `~numpy.ndarray` of float32
        Variance of ``data``.
    map : `~numpy.ndarray` of int16
        Number of exposures used.
    wcs : `~astropy.wcs.WCS`
        That of the first exposure, moved to its place in the image.
    header : `~astropy.io.fits.Header`
        Header of the first exposure, with the WCS of the image, the number of
        exposures (NUM-NCOM), the end of the last (TSUTC2), the place of the
        first (NVALREGI) and the history of the combination.
    alignment : Alignment
        Where the exposures lie.
    warnings : tuple of str
        What went less well than it should.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements, StareRequirements
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.dither import full_dithered_image, stare_image
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(96, 96), n_stars=10, n_galaxies=0, n_exposures=2, dither_scale=0.1)
    >>> frames = [
    ...     stare_image(  # doctest: +IGNORE_WARNINGS
    ...         [scene.exposure(index)], StareRequirements(), Calibrations()
    ...     )
    ...     for index in range(2)
    ... ]
    >>> image = full_dithered_image(  # doctest: +IGNORE_WARNINGS
    ...     frames, DitherRequirements(iterations=0)
    ... )
    >>> image.data.shape == image.variance.shape == image.map.shape
    True
    >>> image.alignment.methods
    ('header', 'header')
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    map: NDArray[np.int16]
    wcs: WCS
    header: Header
    alignment: Alignment
    warnings: tuple[str, ...]


def full_dithered_image(
    frames: Sequence[StareResult],
    requirements: DitherRequirements,
    *,
    offsets: NDArray[np.float64] | None = None,
    names: Sequence[str] | None = None,
    on_intermediate: Intermediate | None = None,
    executor: Executor | None = None,
    progress: Progress = no_progress,
) -> DitheredImage:
    """Combine undistorted exposures, shifted by whole pixels.

    Parameters
    ----------
    frames : sequence of StareResult
        Results of `stare_image`.
    requirements : DitherRequirements
        What is done.
    offsets : `~numpy.ndarray`, optional
        Shape (n, 2): position (x, y) of one object in each exposure, in
        pixels. Default: the headers tell the offsets.
    names : sequence of str, optional
        What to call the exposures.
    on_intermediate : callable, optional
        ``on_intermediate(name, image)`` is called, from several threads, with
        every image on the way, and may return the same image with its planes
        elsewhere than in memory: ``superflat_comb_i0``, ``superflat_doughnut_i0``,
        ``superflat_comb_dc_i0``, ``<name>_rfs_i0`` (a sky-subtracted
        exposure), ``result_i0``, ``result_i0_var``, ``result_i0_npix`` and
        ``objmask_i1``, ``check_i1``, where the number is that of the
        iteration.
    executor : `concurrent.futures.Executor`, optional
        Default: threads, one for each processor.
    progress : callable, optional
        ``progress(items, description, total)`` yields the items.

    Returns
    -------
    DitheredImage

    Raises
    ------
    InputError
        If a correction is asked for that does not belong to the detector, or
        that needs the channels of the exposures, which are not known.
    MixedExposuresError
        If there are no exposures, or their shapes differ.
    AlignmentError
        If the offsets are not those of as many exposures.
    SkyError
        If an exposure has no positive sky level, or no other one near enough
        in time to be its sky.

    Examples
    --------
    >>> from emirimg.blocks import DitherRequirements, StareRequirements
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.dither import full_dithered_image, stare_image
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(96, 96), n_stars=10, n_galaxies=0, n_exposures=3, dither_scale=0.1)
    >>> frames = [
    ...     stare_image(  # doctest: +IGNORE_WARNINGS
    ...         [scene.exposure(index)], StareRequirements(), Calibrations()
    ...     )
    ...     for index in range(3)
    ... ]
    >>> image = full_dithered_image(  # doctest: +IGNORE_WARNINGS
    ...     frames, DitherRequirements(iterations=0)
    ... )
    >>> int(image.map.max()), image.header["NUM-NCOM"]
    (3, 3)
    """
    # As in `DitherReducer`, threads of the linear algebra would only wait for each other.
    with (
        noted_warnings() as notes,
        default_executor(executor) as pool,
        threadpool_limits(1, user_api="blas"),
    ):
        stack = DitherStack.from_frames([item.frame for item in frames], names)
        requirements.check_detector(stack.metadata[0].detector)
        strategies = upgrade_dither(requirements, offsets)
        channels = [item.channels for item in frames]
        if strategies.channel_residual and any(numbers is None for numbers in channels):
            lost = stack.names[next(i for i, c in enumerate(channels) if c is None)]
            msg = (
                f"{lost} has no image of its readout channels, which"
                " adhoc_sky_correction_h2rg needs; reduce it again"
            )
            raise InputError(msg)
        steps = LegacySteps(pool, progress, strategies, on_intermediate)
        with steps.all_shown():
            alignment = strategies.alignment(stack)
            stack = steps.with_noise(stack)
            flat, superflat = steps.flat_fielded(stack, None, 0)
            clean = steps.without_level(flat, superflat.doughnut)
            alignment = steps.refined(clean, alignment)
            mosaic = steps.combined(clean, alignment, 0)
            for iteration in range(1, strategies.iterations + 1):
                objects = steps.objects(mosaic, iteration)
                flat = superflat = clean = mosaic = None  # their memory is wanted
                masks = steps.in_whole_pixels(objects, alignment, stack)
                flat, _ = steps.flat_fielded(stack, masks, iteration)
                clean = steps.without_sky(flat, masks, channels, iteration)
                mosaic = steps.combined(clean, alignment, iteration)
        return _result(mosaic, stack, alignment, repr(requirements), notes)


def _result(
    mosaic: Mosaic, stack: DitherStack, alignment: Alignment, asked: str, notes: Sequence[str]
) -> DitheredImage:
    shifts = whole_pixel_shifts(alignment.wcss, [frame.shape for frame in stack])
    (x, y), (ny, nx) = shifts[0], stack.shape
    header = stack[0].meta.copy()
    header.remove("HISTORY", ignore_missing=True, remove_all=True)
    header["CRPIX1"], header["CRPIX2"] = mosaic.grid.wcs.wcs.crpix
    header["NUM-NCOM"] = (len(stack), "number of combined exposures")
    if "TSUTC2" in stack[len(stack) - 1].meta:
        header["TSUTC2"] = stack[len(stack) - 1].meta["TSUTC2"]
    header["NVALREGI"] = (f"[{y}:{y + ny},{x}:{x + nx}]", "place of the first exposure")
    add_history(header, f"combined {len(stack)} exposures with {asked}")
    for name, method in zip(stack.names, alignment.methods, strict=True):
        add_history(header, f"{name} was placed by {method}")
    for note in notes:
        add_history(header, f"warning: {note}")
    return DitheredImage(
        data=mosaic.data,
        variance=mosaic.variance,
        map=mosaic.coverage,
        wcs=mosaic.grid.wcs,
        header=header,
        alignment=alignment,
        warnings=tuple(notes),
    )

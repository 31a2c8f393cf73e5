"""What is known of a mosaic of the legacy road, as of any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io.fits import Header

from ..combine import Mosaic
from ..instrument import read_metadata
from ..io import find_image
from ..objects import SegmentationMasker, measure_quality
from ..projection import MosaicGrid
from .legacy import DitheredImage
from .planned import PlannedBlock
from .result import DitherResult, FrameRecord

__all__ = ["legacy_result"]


def legacy_result(
    image: DitheredImage,
    plan: PlannedBlock,
    headers: Sequence[Header],
    names: Sequence[str],
    identify: Callable[[Path], str],
) -> DitherResult:
    """Measure an image of the legacy road.

    Parameters
    ----------
    image : DitheredImage
        The combined image.
    plan : PlannedBlock
        What was asked for.
    headers : sequence of `~astropy.io.fits.Header`
        Headers of the images that were combined.
    names : sequence of str
        What to call them.
    identify : callable
        Tells the identifier of a file.

    Returns
    -------
    DitherResult
        The legacy road does not measure single exposures: their sky, seeing, noise
        and transparency are unknown (NaN).
    """
    metadata = [read_metadata(header) for header in headers]
    seconds = float(np.mean([item.exposure_time.to_value(u.s) for item in metadata]))
    mosaic = Mosaic(
        grid=MosaicGrid(image.wcs, image.data.shape),
        data=image.data,
        variance=image.variance,
        mask=image.map == 0,
        coverage=image.map,
        exposure=image.map * np.float32(seconds),
        header=image.header,
    )
    objects = SegmentationMasker()(mosaic)
    images = [find_image(child.results) for child in plan.children]
    inputs = [
        ("image", name, identify(path)) for name, path in zip(names, images, strict=True)
    ] + [(kind, path.name, identify(path)) for kind, path in plan.calibrations.items()]
    alignment = image.alignment
    records = [
        FrameRecord(
            name=name,
            start=item.start,
            shift=(float(alignment.shifts[i, 0]), float(alignment.shifts[i, 1])),
            residual=alignment.residuals[i],
            n_matched=int(alignment.n_matched[i]),
            method=alignment.methods[i],
            sky_level=np.nan,
            transparency=np.nan,
            fwhm=np.nan * u.arcsec,
            ellipticity=np.nan,
            noise=np.nan,
            bad_fraction=np.nan,
            rejected_fraction=np.nan,
            weight=1.0,
        )
        for i, (name, item) in enumerate(zip(names, metadata, strict=True))
    ]
    return DitherResult(
        mosaic=mosaic,
        alignment=alignment,
        frames=tuple(records),
        objects=objects,
        quality=measure_quality(mosaic, objects),
        strategies={
            name: f"{value!r} ({source})" for name, (source, value) in plan.inputs.items()
        },
        inputs=tuple(inputs),
        warnings=image.warnings,
    )

"""Gather what a reduction found out into its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from astropy.io.fits import Header

from .._memory import return_kept_memory
from ..alignment import ReferenceCatalogue
from ..instrument import ExposureMetadata
from ..objects import measure_quality
from ..sky.solution import levels_of
from .field import Field
from .field_steps import FieldSteps
from .header import mosaic_header
from .keywords import AboutSky, distortion_history, keywords_of, sky_findings
from .loading import Inventory
from .looks import LastLook, last_looks, with_looks
from .result import DitherResult, FrameRecord
from .tie import Tied, tie

__all__ = ["concluding"]


def concluding(
    field: Field,
    steps: FieldSteps,
    *,
    strategies: Mapping[str, str],
    inventory: Inventory,
    notes: Sequence[str],
    catalogue: ReferenceCatalogue | None,
) -> Callable[[], DitherResult]:
    """Let the frames of a field go, and return what makes the result without them.

    Parameters
    ----------
    field : Field
        A field whose last mosaic is made.
    steps : FieldSteps
        How to work on all frames.
    strategies : mapping
        Texts of the strategies.
    inventory : Inventory
        What became of the files.
    notes : sequence of str
        The warnings; read when the measurements are done.
    catalogue : ReferenceCatalogue or None
        Stars to tie the mosaic to.
    """
    # A first mosaic without objects is the last, too, which nobody foresaw.
    seen = last_looks(field.clean, steps) if field.seen is None else field.seen
    records = with_looks(_frame_records(field, seen), field.looks, seen)
    about_sky = sky_findings(field.skies, inventory)
    first, metadata = field.frames[0].meta, field.frames.metadata
    # The measurements want the memory of the frames.
    del field.frames, field.clean, field.skies
    return_kept_memory()
    return partial(
        _conclude,
        field,
        first,
        metadata,
        records,
        strategies=strategies,
        inventory=inventory,
        about_sky=about_sky,
        notes=notes,
        catalogue=catalogue,
    )


def _conclude(
    field: Field,
    first: Header,
    metadata: Sequence[ExposureMetadata],
    records: Sequence[FrameRecord],
    *,
    strategies: Mapping[str, str],
    inventory: Inventory,
    about_sky: AboutSky,
    notes: Sequence[str],
    catalogue: ReferenceCatalogue | None,
) -> DitherResult:
    """Measure the mosaic and make the result; ``first`` is the header of the first exposure."""
    tied = Tied(field.mosaic, field.objects, field.alignment, None, {})
    if catalogue is not None:
        tied = tie(field.mosaic, field.objects, field.alignment, catalogue)
        more = ("catalogue", catalogue.name, catalogue.digest)
        inventory = replace(inventory, inputs=(*inventory.inputs, more))
    mosaic, objects, alignment = tied.mosaic, tied.objects, tied.alignment
    if tied.zero_point is None:
        quality = measure_quality(mosaic, objects)
    else:
        quality = measure_quality(mosaic, objects, zero_point=tied.zero_point)
    used = [index for index, record in enumerate(records) if record.weight > 0]
    header = mosaic_header(
        first,
        [metadata[index] for index in used],
        sky_levels=[records[index].sky_level for index in used],
        transparency=alignment.transparency[used],
        history=[
            *(f"{step}: {text}" for step, text in strategies.items()),
            *about_sky.history,
            *distortion_history(alignment),
        ],
        measured=keywords_of(metadata, records, quality, tied, field.illumination, field.flags)
        | about_sky.keywords,
    )
    return DitherResult(
        mosaic=replace(mosaic, header=header, exposure=np.asarray(mosaic.exposure)),
        alignment=alignment,
        frames=tuple(records),
        objects=objects,
        quality=quality,
        strategies=dict(strategies),
        inputs=inventory.inputs,
        sky_exposures=inventory.beside,
        dropped=inventory.dropped,
        sky_findings={key: value for key, (value, _) in about_sky.keywords.items()},
        warnings=tuple(notes),
    )


def _frame_records(field: Field, seen: Sequence[LastLook]) -> tuple[FrameRecord, ...]:
    """Say what is known of every frame after the combination."""
    stack, alignment, combination = field.clean, field.alignment, field.combination
    levels = levels_of(field.skies)
    return tuple(
        FrameRecord(
            name=stack.names[i],
            start=stack.metadata[i].start,
            shift=(float(alignment.shifts[i, 0]), float(alignment.shifts[i, 1])),
            residual=alignment.residuals[i],
            n_matched=int(alignment.n_matched[i]),
            method=alignment.methods[i],
            sky_level=float(levels[i]),
            transparency=float(alignment.transparency[i]),
            fwhm=alignment.fwhm[i],
            ellipticity=float(alignment.ellipticity[i]),
            noise=float(combination.noise[i]),
            bad_fraction=masked / frame.size,
            rejected_fraction=float(combination.rejected[i]),
            weight=float(combination.weights[i]),
            own_background=float(field.background[i]),
            trails=len(field.flags.trails[i]),
            persistent=field.flags.persistent[i],
        )
        for i, (frame, (_, masked)) in enumerate(zip(stack, seen, strict=True))
    )

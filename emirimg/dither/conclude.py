"""Gather what a reduction found out into its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from ..alignment import Alignment, ReferenceCatalogue
from ..combine import Mosaic
from ..flat import Illumination
from ..instrument import ExposureMetadata
from ..objects import MosaicQuality, ObjectMask, measure_quality
from ..sky import SkyModel, SkySolution
from ..sky.solution import levels_of
from ..stack import DitherStack
from .flagging import Flags
from .header import mosaic_header
from .loading import Inventory
from .result import DitherResult, FrameRecord
from .steps import Combination
from .tie import Tied, tie
from .weights import effective_time

__all__ = ["AboutSky", "conclude", "frame_records", "sky_findings"]


@dataclass(frozen=True)
class AboutSky:
    """What was decided about the sky.

    Parameters
    ----------
    keywords : mapping
        FITS keyword to (value, comment).
    history : tuple of str
        The same in words.
    """

    keywords: Mapping[str, tuple[Any, str]]
    history: tuple[str, ...]


def conclude(
    first: Header,
    metadata: Sequence[ExposureMetadata],
    records: Sequence[FrameRecord],
    alignment: Alignment,
    mosaic: Mosaic,
    objects: ObjectMask | None,
    illumination: Illumination | None,
    flags: Flags,
    *,
    strategies: Mapping[str, str],
    inventory: Inventory,
    about_sky: AboutSky,
    notes: Sequence[str],
    catalogue: ReferenceCatalogue | None = None,
) -> DitherResult:
    """Measure the mosaic and make the result of the reduction.

    Parameters
    ----------
    first : `~astropy.io.fits.Header`
        Header of the first exposure.
    metadata : sequence of ExposureMetadata
        Headers of all exposures, typed.
    records : sequence of FrameRecord
        What is known of them.
    alignment : Alignment
        Their places.
    mosaic : Mosaic
        The mosaic.
    objects : ObjectMask or None
        Its objects.
    illumination : Illumination or None
        What the frames were divided by.
    flags : Flags
        What was flagged in the exposures.
    strategies : mapping
        Texts of the strategies.
    inventory : Inventory
        What became of the files.
    about_sky : AboutSky
        What was decided about the sky.
    notes : sequence of str
        The warnings; read when the measurements are done.
    catalogue : ReferenceCatalogue, optional
        Stars to tie the mosaic to.
    """
    tied = Tied(mosaic, objects, alignment, None, {})
    if catalogue is not None:
        tied = tie(mosaic, objects, alignment, catalogue)
        more = ("catalogue", catalogue.name, catalogue.digest)
        inventory = replace(inventory, inputs=(*inventory.inputs, more))
    mosaic, objects, alignment = tied.mosaic, tied.objects, tied.alignment
    if tied.zero_point is None:
        quality = measure_quality(mosaic, objects)
    else:
        quality = measure_quality(mosaic, objects, zero_point=tied.zero_point)
    used = np.flatnonzero([record.weight > 0 for record in records])
    header = mosaic_header(
        first,
        [metadata[index] for index in used],
        sky_levels=[records[index].sky_level for index in used],
        transparency=alignment.transparency[used],
        history=[
            *(f"{step}: {text}" for step, text in strategies.items()),
            *about_sky.history,
            *_said_of_distortion(alignment),
        ],
        measured=_combined(metadata, records)
        | _measured(quality)
        | _magnitudes(quality, tied)
        | _placed(alignment)
        | _applied(illumination)
        | _flagged(flags)
        | dict(about_sky.keywords),
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


def _combined(
    metadata: Sequence[ExposureMetadata], records: Sequence[FrameRecord]
) -> dict[str, tuple[float, str]]:
    times = u.Quantity([item.exposure_time for item in metadata])
    weights = np.array([record.weight for record in records])
    seconds = effective_time(times, weights).to_value(u.s)
    return {
        "EFFTIME": (float(seconds), "[s] time in the best conditions for that depth"),
        "NLEFTOUT": (int((weights == 0).sum()), "exposures left out"),
    }


def _placed(alignment: Alignment) -> dict[str, tuple[float, str]]:
    residuals = alignment.residuals.to_value(u.mas)
    known = np.isfinite(residuals)
    rms = float(np.median(residuals[known])) if known.any() else np.nan
    by_stars = sum(method == "stars" for method in alignment.methods)
    found = alignment.distortion
    distortion: dict[str, tuple[float, str]] = {
        "DISTCORR": (found is not None, "whether the distortion was corrected")
    }
    if found is not None:
        distortion |= {
            "DISTMAX": (found.largest, "[pixel] largest correction of the distortion"),
            "DISTRMS0": (1000 * found.before, "[mas] left-out residuals without it"),
            "DISTRMS1": (1000 * found.after, "[mas] left-out residuals with it"),
        }
    return {
        "ALIGNRMS": (rms, "[mas] typical residual of the stars, per axis"),
        "NSTARALN": (by_stars, "exposures aligned by their stars"),
        **distortion,
    }


def _said_of_distortion(alignment: Alignment) -> list[str]:
    found = alignment.distortion
    if found is None:
        return []
    r3, r5, x, y = found.parameters
    text = (
        f"distortion: {found.model}, {r3:.3f} r^3 {r5:+.3f} r^5 pixels (r = 1: half diagonal),"
        f" centre moved by ({x:.2f}, {y:.2f}) pixels, better by {found.significance:.0f} sigma"
    )
    return [text]


def _measured(quality: MosaicQuality) -> dict[str, tuple[float, str]]:
    return {
        "SEEING": (quality.seeing.to_value(u.arcsec), "[arcsec] FWHM of the stars"),
        "ELLIPTIC": (quality.ellipticity, "1 - b/a of the stars"),
        "CORRNOIS": (quality.correlated_noise, "noise in apertures of 2 FWHM / predicted"),
        "OVERSUB": (quality.oversubtraction, "[adu] sky far from objects - beside them"),
        "OVERSERR": (quality.oversubtraction_error, "[adu] error of OVERSUB"),
        "DEPTH5": (quality.depth, "[mag] 5-sigma point source"),
    }


def _magnitudes(quality: MosaicQuality, tied: Tied) -> dict[str, tuple[float | str, str]]:
    source = "arbitrary" if tied.zero_point is None else "tied to the catalogue"
    return {
        "MAGZERO": (quality.zero_point, f"[mag] of 1 adu, {source}"),
        **tied.keywords,
    }


def _applied(illumination: Illumination | None) -> dict[str, tuple[float, str]]:
    if illumination is None:
        return {}
    return {
        "ILLUMDEG": (illumination.degree, "degree of the illumination; 0: not corrected"),
        "ILLUMPV": (float(np.ptp(illumination.image)), "peak to valley of the illumination"),
        "ILLUMNST": (illumination.n_stars, "stars that the illumination was measured with"),
        "RINGMULT": (illumination.ring_multiplies, "whether the ring is response, not light"),
    }


def sky_findings(skies: Sequence[SkyModel], inventory: Inventory) -> AboutSky:
    """Gather what was decided about the sky, and about exposures that are not in the mosaic."""
    keywords: dict[str, tuple[Any, str]] = {
        "NSKYEXP": (len(inventory.beside), "exposures of the sky beside the target"),
        "NDROPPED": (len(inventory.dropped), "exposures left out: of no use"),
        "NDEADCHN": (len(inventory.dead_channels), "exposures with dead readout channels"),
    }
    history = [f"left out: {reason}" for _, reason in inventory.dropped]
    history += [f"masked: {reason}" for _, reason in inventory.dead_channels]
    if inventory.beside:
        history.append(
            f"sky beside the target, known by {inventory.known_by}: {', '.join(inventory.beside)}"
        )
    if isinstance(skies, SkySolution):
        keywords |= skies.findings
        history += skies.history
    return AboutSky(keywords, tuple(history))


def _flagged(flags: Flags) -> dict[str, tuple[float, str]]:
    return {
        "NTRAILS": (sum(map(len, flags.trails)), "trails masked in the exposures"),
        "NPERSIST": (sum(flags.persistent), "persistent images of stars masked"),
        "PERSTIME": (flags.decay, "[s] decay time of the persistence"),
    }


def frame_records(
    stack: DitherStack,
    skies: Sequence[SkyModel],
    alignment: Alignment,
    combination: Combination,
    background: NDArray[np.float64],
    flags: Flags,
) -> tuple[FrameRecord, ...]:
    """Say what is known of every frame after the combination."""
    levels = levels_of(skies)
    return tuple(
        FrameRecord(
            name=stack.names[i],
            start=stack.metadata[i].start,
            shift=tuple(float(value) for value in alignment.shifts[i]),
            residual=alignment.residuals[i],
            n_matched=int(alignment.n_matched[i]),
            method=alignment.methods[i],
            sky_level=float(levels[i]),
            transparency=float(alignment.transparency[i]),
            fwhm=alignment.fwhm[i],
            ellipticity=float(alignment.ellipticity[i]),
            noise=float(combination.noise[i]),
            bad_fraction=0.0 if frame.mask is None else float(np.mean(frame.mask)),
            rejected_fraction=float(combination.rejected[i]),
            weight=float(combination.weights[i]),
            own_background=float(background[i]),
            trails=len(flags.trails[i]),
            persistent=flags.persistent[i],
        )
        for i, frame in enumerate(stack)
    )

"""Gather what a reduction found out into its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from ..alignment import Alignment
from ..combine import Mosaic
from ..flat import Illumination
from ..instrument import ExposureMetadata
from ..objects import MosaicQuality, ObjectMask, measure_quality
from ..sky import SkyModel, SkySolution
from ..stack import DitherStack
from .flagging import Flags
from .header import mosaic_header
from .loading import Inventory
from .result import DitherResult, FrameRecord
from .steps import Combination

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
    """
    quality = measure_quality(mosaic, objects)
    header = mosaic_header(
        first,
        metadata,
        sky_levels=[record.sky_level for record in records],
        transparency=alignment.transparency,
        history=[
            *(f"{step}: {text}" for step, text in strategies.items()),
            *about_sky.history,
        ],
        measured=_measured(quality)
        | _applied(illumination)
        | _flagged(flags)
        | dict(about_sky.keywords),
    )
    return DitherResult(
        mosaic=replace(mosaic, header=header),
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


def _measured(quality: MosaicQuality) -> dict[str, tuple[float, str]]:
    return {
        "SEEING": (quality.seeing.to_value(u.arcsec), "[arcsec] FWHM of the stars"),
        "ELLIPTIC": (quality.ellipticity, "1 - b/a of the stars"),
        "CORRNOIS": (quality.correlated_noise, "noise in apertures of 2 FWHM / predicted"),
        "OVERSUB": (quality.oversubtraction, "[adu] sky far from objects - beside them"),
        "OVERSERR": (quality.oversubtraction_error, "[adu] error of OVERSUB"),
        "DEPTH5": (quality.depth, "[mag] 5-sigma point source"),
        "MAGZERO": (quality.zero_point, "[mag] zero point of DEPTH5"),
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
        "NDROPPED": (len(inventory.dropped), "exposures left out: no valid sky"),
    }
    history = [f"left out: {reason}" for _, reason in inventory.dropped]
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
    levels = skies.levels if isinstance(skies, SkySolution) else [sky.level for sky in skies]
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

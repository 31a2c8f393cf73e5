"""What the header of a mosaic says of its reduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from ..alignment import Alignment
from ..flat import Illumination
from ..instrument import ExposureMetadata
from ..objects import MosaicQuality
from ..sky import SkyModel, SkySolution
from .flagging import Flags
from .loading import Inventory
from .result import FrameRecord
from .tie import Tied
from .weights import effective_time

__all__ = ["AboutSky", "distortion_history", "keywords_of", "sky_findings"]

Keywords = dict[str, tuple[Any, str]]
"""FITS keyword to (value, comment)."""


@dataclass(frozen=True)
class AboutSky:
    """What was decided about the sky.

    Parameters
    ----------
    keywords : dict
        FITS keyword to (value, comment).
    history : tuple of str
        The same in words.
    """

    keywords: Keywords
    history: tuple[str, ...]


def sky_findings(skies: Sequence[SkyModel], inventory: Inventory) -> AboutSky:
    """Gather what was decided about the sky, and about exposures that are not in the mosaic."""
    keywords: Keywords = {
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


def keywords_of(
    metadata: Sequence[ExposureMetadata],
    records: Sequence[FrameRecord],
    quality: MosaicQuality,
    tied: Tied,
    illumination: Illumination | None,
    flags: Flags,
) -> Keywords:
    """Return the keywords of what was measured.

    Parameters
    ----------
    metadata, records : sequence
        Headers of the exposures, typed, and what is known of each.
    quality : MosaicQuality
        Measures of the mosaic.
    tied : Tied
        The mosaic and the places of the exposures, on the system of a catalogue if there is one.
    illumination : Illumination or None
        What the exposures were divided by.
    flags : Flags
        What was flagged in them.
    """
    return (
        _combined(metadata, records)
        | _measured(quality)
        | _magnitudes(quality, tied)
        | _placed(tied.alignment)
        | _applied(illumination)
        | _flagged(flags)
    )


def _combined(metadata: Sequence[ExposureMetadata], records: Sequence[FrameRecord]) -> Keywords:
    times = u.Quantity([item.exposure_time for item in metadata])
    weights = np.array([record.weight for record in records])
    seconds = effective_time(times, weights).to_value(u.s)
    return {
        "EFFTIME": (float(seconds), "[s] time in the best conditions for that depth"),
        "NLEFTOUT": (int((weights == 0).sum()), "exposures left out"),
    }


def _measured(quality: MosaicQuality) -> Keywords:
    return {
        "SEEING": (quality.seeing.to_value(u.arcsec), "[arcsec] FWHM of the stars"),
        "ELLIPTIC": (quality.ellipticity, "1 - b/a of the stars"),
        "CORRNOIS": (quality.correlated_noise, "noise in apertures of 2 FWHM / predicted"),
        "OVERSUB": (quality.oversubtraction, "[adu] sky far from objects - beside them"),
        "OVERSERR": (quality.oversubtraction_error, "[adu] error of OVERSUB"),
        "DEPTH5": (quality.depth, "[mag] 5-sigma point source"),
    }


def _magnitudes(quality: MosaicQuality, tied: Tied) -> Keywords:
    source = "arbitrary" if tied.zero_point is None else "tied to the catalogue"
    return {
        "MAGZERO": (quality.zero_point, f"[mag] of 1 adu, {source}"),
        **tied.keywords,
    }


def _placed(alignment: Alignment) -> Keywords:
    residuals = alignment.residuals.to_value(u.mas)
    known = np.isfinite(residuals)
    rms = float(np.median(residuals[known])) if known.any() else np.nan
    by_stars = sum(method == "stars" for method in alignment.methods)
    found = alignment.distortion
    distortion: Keywords = {
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


def _applied(illumination: Illumination | None) -> Keywords:
    if illumination is None:
        return {}
    return {
        "ILLUMDEG": (illumination.degree, "degree of the illumination; 0: not corrected"),
        "ILLUMPV": (float(np.ptp(illumination.image)), "peak to valley of the illumination"),
        "ILLUMNST": (illumination.n_stars, "stars that the illumination was measured with"),
        "RINGMULT": (illumination.ring_multiplies, "whether the ring is response, not light"),
    }


def _flagged(flags: Flags) -> Keywords:
    return {
        "NTRAILS": (sum(map(len, flags.trails)), "trails masked in the exposures"),
        "NPERSIST": (sum(flags.persistent), "persistent images of stars masked"),
        "PERSTIME": (flags.decay, "[s] decay time of the persistence"),
    }


def distortion_history(alignment: Alignment) -> list[str]:
    """Return the distortion that was found, in words: a line, or none."""
    found = alignment.distortion
    if found is None:
        return []
    r3, r5, x, y = found.parameters
    text = (
        f"distortion: {found.model}, {r3:.3f} r^3 {r5:+.3f} r^5 pixels (r = 1: half diagonal),"
        f" centre moved by ({x:.2f}, {y:.2f}) pixels, better by {found.significance:.0f} sigma"
    )
    return [text]

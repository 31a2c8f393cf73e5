"""Score a mosaic against the truth of its simulation."""

from __future__ import annotations

from concurrent.futures import Executor

import astropy.units as u
import numpy as np

from ...combine.mosaic import Mosaic
from ..truth import Truth
from .detections import Detections, measure_detections
from .field import BORDER, WELL_COVERED, Field
from .image import ScoredImage
from .noise import background_rms, measure_noise
from .photometry import flux_kept, measure_photometry
from .report import Score
from .shapes import measure_shapes

__all__ = ["measure_figures", "score"]


def score(
    mosaic: Mosaic | ScoredImage,
    truth: Truth,
    *,
    unrejected: Mosaic | ScoredImage | None = None,
    perfect: bool = True,
    executor: Executor | None = None,
) -> Score:
    """Score a mosaic against the truth of its simulation.

    Parameters
    ----------
    mosaic : `~emirimg.combine.Mosaic` or ScoredImage
        The mosaic, in any unit that is proportional to flux per pixel.
    truth : Truth
        Truth of the simulation.
    unrejected : `~emirimg.combine.Mosaic` or ScoredImage, optional
        The same mosaic on the same grid, combined without rejection. Default:
        the flux that rejection has left is not measured.
    perfect : bool, optional
        Whether an ideal stack goes through the same measurements. Default: True.
    executor : `concurrent.futures.Executor`, optional
        Where the ideal stack is made. Default: threads.

    Returns
    -------
    Score

    Raises
    ------
    InputError
        If the mosaic does not show the true stars.

    Notes
    -----
    A global shift on the sky is found, reported and removed first. Every
    figure is defined in the user guide.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.simulation import score
    >>> figures = score(result.mosaic, scene.truth, perfect=False)  # doctest: +IGNORE_WARNINGS
    >>> figures.facts["n_stars"] > 0
    True
    """
    field = Field.prepare(_image(mosaic), truth, executor=executor)
    other = None if unrejected is None else _image(unrejected)
    values, detections = measure_figures(field, other)
    best: dict[str, float] = {}
    if perfect:
        ideal_field = Field.prepare(_image(field.ideal.observed()), truth, ideal=field.ideal)
        best, _ = measure_figures(ideal_field, None)
    east, north = field.shift.to_value(u.arcsec)
    facts = {
        "shift_east": float(east),
        "shift_north": float(north),
        "flux_scale": measure_photometry(field).scale,
        "fwhm": field.fwhm,
        "n_stars": float(len(field.stars_in(WELL_COVERED))),
    }
    return Score(values, best, detections.completeness, facts)


def measure_figures(
    field: Field, unrejected: ScoredImage | None
) -> tuple[dict[str, float], Detections]:
    """Measure all figures of merit of a mosaic that is placed on its truth.

    Parameters
    ----------
    field : Field
        The mosaic and its truth.
    unrejected : ScoredImage or None
        The same mosaic, combined without rejection.

    Returns
    -------
    values : dict of str to float
        The figures by name.
    detections : Detections
        The search for sources, with the completeness.
    """
    photometry = measure_photometry(field)
    shapes = measure_shapes(field)
    good, border = noise = measure_noise(field, photometry.scale)
    detections = measure_detections(field, noise)
    values = {
        "fwhm_ratio": float(np.median(shapes.width_ratio)),
        "ellipticity": float(np.median(shapes.ellipticity)),
        "astrometry": shapes.rms,
        "astrometry_affine": shapes.rms_affine,
        "cells": 100 * photometry.cells,
        "scatter": 100 * photometry.scatter,
        "depth_loss": good.depth_loss,
        "snr_loss": good.snr_loss,
        "snr_loss_border": border.snr_loss,
        "background_border": background_rms(field, photometry.scale, 0.0, BORDER),
        "background": background_rms(field, photometry.scale, WELL_COVERED),
        "false_detections": float(detections.n_false),
        "purity": detections.purity,
        "completeness_limit": detections.limit,
        "noise_claimed": good.claimed,
        "noise_claimed_border": border.claimed,
    }
    if unrejected is not None:
        values["flux_kept"] = 100 * flux_kept(field, unrejected)
    return values, detections


def _image(mosaic: Mosaic | ScoredImage) -> ScoredImage:
    return ScoredImage.from_mosaic(mosaic) if isinstance(mosaic, Mosaic) else mosaic

"""The weather and the mount: what changes from exposure to exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import QTable

from .pointing import claimed_pointing, exposure_start, true_pointing
from .randomness import Purpose, generator

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["frame_conditions"]


def frame_conditions(scene: Scene) -> QTable:
    """Draw the conditions of every exposure.

    Parameters
    ----------
    scene : Scene
        The scene.

    Returns
    -------
    `~astropy.table.QTable`
        One row for each exposure: ``date_obs``; ``ra`` and ``dec``, where the
        reference pixel really points, and ``claimed_ra`` and ``claimed_dec``;
        ``error_x`` and ``error_y``, true minus claimed, in pixels; ``fwhm``,
        ``ellipticity`` and ``psf_angle`` (from north to east) of the stars;
        ``transparency``; and ``sky``, in ADU.
    """
    n = scene.n_exposures
    random = generator(scene.seed, Purpose.CONDITIONS)
    direction, drift_direction = random.uniform(0, 2 * np.pi, 2)
    phase = random.uniform(0, 2 * np.pi)
    # One draw of everything for each exposure: a longer sequence begins like
    # a shorter one.
    draws = np.array(
        [generator(scene.seed, Purpose.CONDITIONS, k).normal(size=6) for k in range(n)]
    )
    seeing, angle, clear, level, *jitter = np.clip(draws, -2.5, 2.5).T
    k = np.arange(n)
    error = (
        scene.pointing_error * np.array([np.cos(direction), np.sin(direction)])
        + scene.pointing_drift
        * k[:, None]
        * np.array([np.cos(drift_direction), np.sin(drift_direction)])
        + scene.pointing_jitter * np.transpose(jitter)
    )
    time = (k + 0.5) / n
    cloud = scene.clouds * 0.5 * (1 - np.cos(2 * np.pi * 1.5 * time + phase))
    true = [true_pointing(scene, i, error[i]) for i in range(n)]
    claimed = [claimed_pointing(scene, i) for i in range(n)]
    table = QTable()
    table["date_obs"] = [exposure_start(scene, i).isot for i in range(n)]
    table["ra"], table["dec"] = np.transpose(true) * u.deg
    table["claimed_ra"], table["claimed_dec"] = np.transpose(claimed) * u.deg
    table["error_x"], table["error_y"] = error.T
    table["fwhm"] = scene.seeing * (1 + scene.seeing_scatter * seeing)
    table["ellipticity"] = np.full(n, scene.ellipticity)
    table["psf_angle"] = (72 * angle % 180) * u.deg
    table["transparency"] = (1 - scene.transparency_scatter * abs(clear)) * 10 ** (-0.4 * cloud)
    table["sky"] = scene.sky * (1 + scene.sky_drift * (time - 0.5)) * (1 + 0.002 * level)
    return table

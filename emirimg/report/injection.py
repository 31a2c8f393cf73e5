"""What became of artificial stars, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from ..simulation import Recovery

__all__ = ["plot_recovery"]

_COLOUR = "#1f5f8b"
_FAINT = "#b9cfdd"


def plot_recovery(recovery: Recovery) -> Figure:
    """Draw completeness and flux bias against magnitude.

    Parameters
    ----------
    recovery : Recovery
        As from `emirimg.simulation.injection_test`.

    Returns
    -------
    `~matplotlib.figure.Figure`
        1050 x 1050 pixels; ``figure.savefig(path)`` writes it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import write_frame
    >>> from emirimg.simulation import Scene, injection_test
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> with TemporaryDirectory() as directory:
    ...     exposures = [
    ...         write_frame(f"{directory}/{index}.fits", scene.exposure(index))
    ...         for index in range(3)
    ...     ]
    ...     recovery = injection_test(exposures, n_stars=15, passes=1)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.report import plot_recovery
    >>> len(plot_recovery(recovery).axes)  # doctest: +IGNORE_WARNINGS
    2
    """
    table, stars = recovery.table, recovery.stars
    figure = Figure(figsize=(7, 7), dpi=150, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.errorbar(
        table["magnitude"], table["completeness"], table["completeness_error"],
        fmt="o-", color=_COLOUR,
    )  # fmt: skip
    upper.axhline(0.5, color="0.7", lw=0.8)
    if np.isfinite(recovery.limit):
        upper.axvline(recovery.limit, color="0.7", lw=0.8)
        upper.set_title(f"half are found at {recovery.limit:.2f} mag")
    upper.set_ylim(-0.05, 1.05)
    upper.set_ylabel("completeness")
    found = np.asarray(stars["found"])
    ratio = np.asarray(stars["measured"] / stars["flux"]) - 1
    lower.plot(np.asarray(stars["magnitude"])[found], ratio[found], ".", color=_FAINT, ms=3)
    lower.errorbar(table["magnitude"], table["bias"], table["bias_error"], fmt="o", color=_COLOUR)
    lower.axhline(0, color="0.7", lw=0.8)
    bright = np.nanmedian(np.asarray(table["scatter"])) if len(table) else np.nan
    reach = max(0.05, 3 * bright) if np.isfinite(bright) else 0.5
    lower.set_ylim(-reach, reach)
    lower.set_ylabel("measured / true flux - 1")
    lower.set_xlabel(f"magnitude (zero point {recovery.zero_point:g})")
    return figure

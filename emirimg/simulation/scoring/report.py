"""The score of a mosaic, beside what is possible and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable, Table

__all__ = ["FIGURES", "Figure", "Score"]


@dataclass(frozen=True)
class Figure:
    """A figure of merit.

    Parameters
    ----------
    name : str
        Its short name.
    meaning : str
        What it is.
    unit : str
        Its unit; empty for a ratio.
    goal : tuple of float, optional
        Lowest and highest value that are good enough.

    Examples
    --------
    >>> from emirimg.simulation import Figure
    >>> figure = Figure("offset", "offset of the positions", unit="mas", goal=(0, 20))
    >>> figure.reached(12.0), figure.goal_text
    (True, '0 - 20')
    """

    name: str
    meaning: str
    unit: str = ""
    goal: tuple[float, float] | None = None

    def reached(self, value: float) -> bool:
        """Tell whether a value is as good as it should be."""
        return self.goal is None or self.goal[0] <= value <= self.goal[1]

    @property
    def goal_text(self) -> str:
        """The goal in words."""
        if self.goal is None:
            return ""
        low, high = self.goal
        if low == -np.inf:
            return f"<= {high:g}"
        return f">= {low:g}" if high == np.inf else f"{low:g} - {high:g}"


def _at_most(limit: float) -> tuple[float, float]:
    return -np.inf, limit


FIGURES = (
    Figure("fwhm_ratio", "FWHM of stars / true FWHM of the mean exposure", "", _at_most(1.005)),
    Figure("ellipticity", "median ellipticity of stars"),
    Figure("astrometry", "astrometry: rms per axis after one shift", "mas", _at_most(2.0)),
    Figure("astrometry_affine", "the same after an affine transformation", "mas"),
    Figure("cells", "photometry: rms over 6 x 6 cells of the field", "%", _at_most(0.35)),
    Figure("scatter", "photometry: robust scatter of bright isolated stars", "%", _at_most(0.4)),
    Figure("depth_loss", "depth lost in apertures of 2 FWHM, well covered", "mag", _at_most(0.04)),
    Figure("snr_loss", "point-source S/N lost, well covered", "mag", _at_most(0.04)),
    Figure("snr_loss_border", "point-source S/N lost, border", "mag", _at_most(0.06)),
    Figure("background_border", "rms of 64-px background medians, border", "ADU", _at_most(0.37)),
    Figure("background", "rms of 64-px background medians, well covered", "ADU"),
    Figure("false_detections", "false detections above 8 sigma", "", _at_most(2)),
    Figure("purity", "purity of 5-sigma detections, well covered", "", (0.998, np.inf)),
    Figure("completeness_limit", "magnitude of 50 % completeness, well covered", "mag"),
    Figure("noise_claimed", "noise / noise claimed, well covered", "", (0.97, 1.03)),
    Figure("noise_claimed_border", "noise / noise claimed, border", "", (0.97, 1.03)),
    Figure("flux_kept", "flux of bright stars kept by rejection", "%", (99.5, np.inf)),
)  # fmt: skip
"""The figures of merit of a mosaic, with their goals."""


@dataclass(frozen=True)
class Score:
    """Figures of merit of a mosaic.

    Parameters
    ----------
    values : dict of str to float
        The figures, by the names in `FIGURES`; NaN where it could not be measured.
    perfect : dict of str to float
        The same for an ideal stack: the floor of the method. Empty where
        it was not asked for.
    completeness : `~astropy.table.QTable`
        Completeness against magnitude.
    facts : dict of str to float
        The shift that was removed (``shift_east``, ``shift_north``, in
        arcsec), ``flux_scale``, ``fwhm`` (true, in pixels) and ``n_stars``.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2)
    >>> exposures = [scene.exposure(index) for index in range(3)]
    >>> result = DitherReducer(passes=1).reduce(exposures)  # doctest: +IGNORE_WARNINGS
    >>> from emirimg.simulation import score
    >>> figures = score(result.mosaic, scene.truth, perfect=False)  # doctest: +IGNORE_WARNINGS
    >>> figures.table.colnames
    ['figure', 'value', 'perfect', 'unit', 'goal', 'reached', 'meaning']
    >>> sorted(figures.to_dict())[:3]
    ['completeness', 'facts', 'perfect']
    """

    values: dict[str, float]
    perfect: dict[str, float]
    completeness: QTable
    facts: dict[str, float]

    @property
    def table(self) -> Table:
        """Name, value, perfect value, unit, goal, and whether it is reached."""
        rows = [
            (
                figure.name,
                self.values[figure.name],
                self.perfect.get(figure.name, np.nan),
                figure.unit,
                figure.goal_text,
                figure.reached(self.values[figure.name]),
                figure.meaning,
            )
            for figure in FIGURES
            if figure.name in self.values
        ]
        names = ("figure", "value", "perfect", "unit", "goal", "reached", "meaning")
        return Table(rows=rows, names=names)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the figures that were measured and miss their goals."""
        return tuple(
            figure.name
            for figure in FIGURES
            if np.isfinite(self.values.get(figure.name, np.nan))
            and not figure.reached(self.values[figure.name])
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and lists, fit for JSON (NaN becomes None)."""
        return {
            "values": _plain(self.values),
            "perfect": _plain(self.perfect),
            "facts": _plain(self.facts),
            "completeness": {
                name: [float(value) for value in self.completeness[name]]
                for name in self.completeness.colnames
            },
        }

    def __str__(self) -> str:
        lines = [f"{'':58s} {'value':>9s} {'perfect':>9s} {'unit':4s} {'goal':>12s}"]
        for name, value, perfect, unit, goal, _, meaning in self.table.iterrows():
            remark = "  missed" if name in self.failed else ""
            lines.append(
                f"{meaning:58s} {value:9.3f} {perfect:9.3f} {unit:4s} {goal:>12s}{remark}"
            )
        lines.append(
            "shift removed: {shift_east:+.3f} arcsec east, {shift_north:+.3f} arcsec north;"
            " flux scale {flux_scale:.4f}; {n_stars:.0f} stars".format(**self.facts)
        )
        return "\n".join(lines)


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: float(v) if np.isfinite(v) else None for name, v in values.items()}

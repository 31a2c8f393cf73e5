"""Tables of figures as reStructuredText."""

import math

from emirimg.simulation import FIGURES

SHORT = {
    "fwhm_ratio": "FWHM ratio",
    "astrometry": "astrometry (mas)",
    "cells": "cells (%)",
    "scatter": "scatter (%)",
    "depth_loss": "depth loss (mag)",
    "snr_loss": "S/N loss (mag)",
    "snr_loss_border": "S/N loss, border",
    "background_border": "background, border (ADU)",
    "false_detections": "false detections",
    "purity": "purity",
    "noise_claimed": "noise / claimed",
    "noise_claimed_border": "the same, border",
    "flux_kept": "flux kept (%)",
}
"""Headings of the figures of merit in a wide table."""

BEST = {
    "fwhm_ratio": 1.0, "astrometry": 0.0, "cells": 0.0, "scatter": 0.0, "depth_loss": -1.0,
    "snr_loss": -1.0, "snr_loss_border": -1.0, "background_border": 0.0, "false_detections": 0.0,
    "purity": 1.0, "noise_claimed": 1.0, "noise_claimed_border": 1.0, "flux_kept": 100.0,
}  # fmt: skip
"""Nearer to this is better."""

ERRORS = {
    "pixels": ("pixels without sources, well covered", 0.03),
    "pixels_border": ("pixels without sources, border", 0.03),
    "sources": ("pixels on sources, signal 3 to 100 times the noise", 0.03),
    "bright": ("pixels on sources, signal above 100 times the noise", None),
    "apertures": ("apertures of 2 FWHM, well covered", 0.05),
    "apertures_border": ("apertures of 2 FWHM, border", 0.05),
}
"""What the Monte-Carlo check measures, and how far from 1 it may be."""

MATTERS = {
    "fwhm_ratio": 0.002, "astrometry": 0.1, "cells": 0.03, "scatter": 0.03, "depth_loss": 0.005,
    "snr_loss": 0.005, "snr_loss_border": 0.007, "background_border": 0.03,
    "false_detections": 1.0, "purity": 0.0015, "noise_claimed": 0.01,
    "noise_claimed_border": 0.015, "flux_kept": 0.05,
}  # fmt: skip
"""Changes of less than this, about a tenth of the goal, are not worth a strategy."""


IDEAL = "ideal stack"


def scenes_table(results):
    """Return a wide table with a line for each scene and road.

    Parameters
    ----------
    results : dict of (scene, seed, road) to dict
        Scores; a figure that misses its goal is in bold face. Where the ideal stack was
        scored too, it has a line of its own.
    """
    figures = [figure for figure in FIGURES if figure.name in SHORT and figure.name != "flux_kept"]
    rows = [["goal", "", *(figure.goal_text for figure in figures)]]
    before = None
    for (scene, seed, road), result in results.items():
        values = result.get("values", {})
        name = f"{scene} {seed}" if (scene, seed) != before else ""
        before = scene, seed
        cells = [_short(values.get(figure.name), figure) for figure in figures]
        failed = " (failed)" if "failed" in result else ""
        rows.append([name, road.replace("-after-emirimg", "*") + failed, *cells])
        if best := result.get("perfect"):
            cells = [_short(best.get(figure.name), figure).strip("*") for figure in figures]
            rows.append(["", IDEAL, *cells])
    return grid("", ["scene", "road", *(SHORT[figure.name] for figure in figures)], rows)


def ablation_table(results, reference="all"):
    """Return a table of what changes when a strategy is replaced.

    What is worse than with all strategies is in bold face, what is better in
    italics; changes below `MATTERS` are not marked.
    """
    whole = results[reference]["values"]
    figures = [figure for figure in FIGURES if figure.name in SHORT]
    rows = []
    for name, result in results.items():
        values = result.get("values", {})
        cells = [_changed(values.get(one.name), whole.get(one.name), one) for one in figures]
        rows.append([name, *cells])
    return grid("", ["instead", *(SHORT[figure.name] for figure in figures)], rows)


def errors_table(result, title=""):
    """Return a table of the ratios of the scatter of mosaics to the noise that they claim."""
    rows = []
    for name, (meaning, tolerance) in ERRORS.items():
        if name in result:
            goal = f"{1 - tolerance:g} - {1 + tolerance:g}" if tolerance else ""
            rows.append([meaning, f"{result[name]:.3f}", goal])
    return grid(title, ["where", "scatter / claimed", "goal"], rows)


def brings(values, whole):
    """Return the names of the figures that are worse and better than the whole."""
    worse, better = [], []
    for name, step in MATTERS.items():
        if values.get(name) is None or whole.get(name) is None:
            continue
        change = abs(values[name] - BEST[name]) - abs(whole[name] - BEST[name])
        if abs(change) > step:
            (worse if change > 0 else better).append(name)
    return worse, better


def figures_table(title, columns):
    """Return a table with a line for each figure and a column for each result.

    A figure that misses its goal is in bold face; a road that failed says why
    below.
    """
    perfect = next((one["perfect"] for one in columns.values() if one.get("perfect")), {})
    head = ["figure", *columns, "perfect", "unit", "goal"]
    rows = []
    for figure in FIGURES:
        values = [one.get("values", {}).get(figure.name) for one in columns.values()]
        if any(value is not None for value in values):
            cells = [_cell(value, figure) for value in values]
            best = _cell(perfect.get(figure.name), None)
            rows.append([figure.meaning, *cells, best, figure.unit, figure.goal_text])
    notes = [
        f"* {name} failed: {one['failed']}" for name, one in columns.items() if "failed" in one
    ]
    notes += [
        f"* {name} warns: {text}"
        for name, one in columns.items()
        for text in one.get("warnings", ())
    ]
    return grid(title, head, rows, notes)


def grid(title, head, rows, notes=()):
    """Return a titled list-table."""
    lines = [title, "=" * len(title), ""] if title else []
    lines += [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
    return "\n".join([*lines, "", *notes]) + "\n"


def missed(result):
    """Return the names of the figures of a result that miss their goals."""
    values = result.get("values", {})
    return [
        figure.name
        for figure in FIGURES
        if values.get(figure.name) is not None and not figure.reached(values[figure.name])
    ]


def _cell(value, figure):
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:.3f}"
    return text if figure is None or figure.reached(value) else f"**{text}**"


def _short(value, figure):
    if value is None or not math.isfinite(value):
        return "-"
    digits = {"false_detections": 0, "astrometry": 2, "cells": 2, "scatter": 2}
    text = f"{value:.{digits.get(figure.name, 3)}f}"
    return text if figure.reached(value) else f"**{text}**"


def _changed(value, whole, figure):
    if value is None or not math.isfinite(value):
        return "-"
    text = _short(value, figure).strip("*")
    worse, better = brings({figure.name: value}, {figure.name: whole})
    return f"**{text}**" if worse else f"*{text}*" if better else text

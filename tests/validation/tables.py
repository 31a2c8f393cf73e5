"""Tables of figures as reStructuredText."""

import math

from emirimg.simulation import FIGURES


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
    lines = [title, "=" * len(title), "", ".. list-table::", "   :header-rows: 1", ""]
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

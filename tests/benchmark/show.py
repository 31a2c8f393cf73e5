"""What came out, as tables."""

from measuring import FIGURES

SIDES = ("side", *(f"{name} ({unit})" for name, unit in FIGURES.items()))
HEAD = ("work", "ours", "theirs", "min", "median", "max", "goal", "met")


def text_table(found):
    """Return all rows, then time, processor time, memory and bytes of each side, as text."""
    rows = [HEAD, *(cells(row) for row in found["rows"].values())]
    parts = [aligned(rows), aligned([SIDES, *side_rows(found)])]
    parts += [
        f"{name} was not measured: {side['failed']}"
        for name, side in found["sides"].items()
        if "failed" in side
    ]
    if found["stages"]:
        parts.append(aligned([("stage", "s"), *stage_rows(found)]))
    return "\n\n".join(parts)


def rst_table(found):
    """Return the rows as a list-table; goals that are missed are in bold face."""
    rows = []
    for row in found["rows"].values():
        work, ours, theirs, low, median, high, goal, met = cells(row)
        if met == "no":
            median = f"**{median}**"
        rows.append((work, ours, theirs, f"{low} - {high}" if low else "", median, goal))
    head = ("work", "ours", "theirs", "range", "median", "goal")
    about = found["machine"]
    note = (
        f"{found['repeat']} x each, medians, with {about['processors']} processors, Python"
        f" {about['python']}, emirimg {about['packages']['emirimg']}."
    )
    missing = {}
    for row in found["rows"].values():
        missing |= row.get("missing", {})
    notes = [f"* {name} was not measured: {why}." for name, why in missing.items()]
    return "\n".join([listed(head, rows), note, "", *notes]).rstrip() + "\n"


def sides_table(found):
    """Return what each side took as a list-table."""
    return listed(SIDES, side_rows(found))


def side_rows(found):
    return [(name, *medians(side)) for name, side in found["sides"].items() if side["runs"]]


def stages_table(found):
    """Return the seconds of the stages as a list-table."""
    return listed(("stage", "seconds"), stage_rows(found))


def growth_table(found):
    """Return what reductions of 14 and of many exposures take as a list-table."""
    rows, times = [], {}
    for side, n in (("reduce", 14), ("reduce-many", found["exposures"])):
        if found["sides"].get(side, {}).get("runs"):
            wall, cpu, memory, _ = medians(found["sides"][side])
            times[n] = float(cpu)
            texts = (f"{one} s" for one in (wall, cpu, number(times[n] / n)))
            rows.append((str(n), *texts, f"{memory} GB"))
    head = ("exposures", "by the clock", "processor time", "each exposure", "peak memory")
    text = listed(head, rows)
    if len(times) > 1:
        (few, first), (many, last) = times.items()
        each = (last - first) / (many - few)
        once = first - few * each
        text += (
            f"\nThe processor time of both is that of {number(once)} s, and"
            f" {number(each)} s for each exposure.\n"
            if once > 0
            else "\nThe processor time grows as the number of exposures, or a little faster.\n"
        )
    return text


def stage_rows(found):
    stages = sorted(found["stages"].items(), key=lambda item: -item[1])
    return [(name, f"{seconds:.1f}") for name, seconds in stages]


def cells(row):
    """Return the cells of a row of the table."""
    unit = FIGURES[row["figure"]]
    ours, theirs = (
        f"{number(row[side][1])} {unit}" if side in row else "-" for side in ("ours", "theirs")
    )
    result = "" if row["ratio"] else f" {unit}"
    goal = "" if row["goal"] is None else f"{number(row['goal'])}{result}"
    if "missing" in row:
        return row["work"], ours, theirs, "", "not measured", "", goal, ""
    values = [number(row[name]) + result for name in ("min", "median", "max")]
    met = {True: "yes", False: "no", None: ""}[row["met"]]
    return row["work"], ours, theirs, *values, goal, met


def medians(side):
    """Return the median of each figure of a side, as text."""
    texts = []
    for name in FIGURES:
        values = sorted(run[name] for run in side["runs"] if run[name] is not None)
        texts.append(number(values[len(values) // 2]) if values else "-")
    return texts


def number(value):
    """Return three digits of a number."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def listed(head, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [
            f"   {'* -' if place == 0 else '  -'} {cell}".rstrip()
            for place, cell in enumerate(row)
        ]
    return "\n".join(lines) + "\n"

"""What is compared with what, and how much may come out."""

from dataclasses import dataclass

from measuring import spread
from sides import MANY


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Parameters
    ----------
    work : str
        What is done.
    ours, theirs : tuple of str
        Names of sides. The figures of several are added; without ``theirs`` the
        figure itself is shown, not a ratio.
    goal : float or None
        What may come out at most.
    figure : str
        A key of `FIGURES`.
    difference : bool
        Whether ours less theirs is shown instead of the ratio.
    """

    work: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...] = ()
    goal: float | None = None
    figure: str = "wall"
    difference: bool = False

    @property
    def sides(self):
        return (*self.ours, *self.theirs)

    @property
    def is_ratio(self):
        return bool(self.theirs) and not self.difference


def rows(n_exposures):
    """Return the rows by name; that of many exposures where their number is given."""
    found = dict(ROWS)
    if n_exposures:
        found |= {
            "many-memory": Row(
                f"peak memory, {n_exposures} exposures, {MANY} files open at most",
                ("reduce-many",), goal=1.5, figure="memory",
            ),
            "many-time": Row(
                f"time of {n_exposures} exposures / of 14, each exposure",
                ("reduce-many",), ("reduce",), 1.2,
            ),
        }  # fmt: skip
    return found


ROWS = {
    "reduction-swarp": Row(
        "whole reduction of 14 exposures / SWarp's coaddition of 14 sky-subtracted ones",
        ("reduce",), ("swarp",), 1.0,
    ),
    "reduction-pyemir": Row(
        "whole reduction / PyEmir's STARE_IMAGE and v6",
        ("reduce",), ("pyemir-stare", "pyemir-v6"), 1 / 40,
    ),
    "coaddition": Row(
        "resampling and combination, files to files / SWarp's", ("coadd",), ("swarp",), 0.6
    ),
    "stare": Row("STARE_IMAGE interp / PyEmir's", ("stare",), ("pyemir-stare",), 1 / 25),
    "v0": Row("v0 / PyEmir's", ("v0",), ("pyemir-v0",), 1 / 4),
    "v5": Row("v5 / PyEmir's", ("v5",), ("pyemir-v5",), 1 / 8),
    "v6": Row("v6 / PyEmir's", ("v6",), ("pyemir-v6",), 1 / 12),
    "combine": Row(
        "combination with sigma clipping of 14 frames in memory / ccdproc.combine",
        ("combine",), ("ccdproc",), 1 / 10,
    ),
    "project": Row(
        "one frame with variance and mask, Lanczos, in memory / reproject_interp of its data",
        ("project",), ("reproject-interp",),
    ),
    "coadd-few": Row(
        "four frames resampled and combined in memory / reproject_and_coadd",
        ("coadd-few",), ("reproject-coadd",),
    ),
    "memory": Row("peak memory, 14 exposures", ("reduce",), goal=0.8, figure="memory"),
    "written": Row(
        "bytes written to scratch and results / by PyEmir's v5",
        ("reduce",), ("pyemir-v5",), 1 / 10, "written",
    ),
    "help": Row("emirimg --help", ("help",), goal=0.3),
    "import": Row(
        "import emirimg, beyond import astropy.nddata",
        ("import",), ("import-nddata",), 0.5, difference=True,
    ),
    "import-reducer": Row(
        "from emirimg import DitherReducer, beyond import astropy.nddata",
        ("import-reducer",), ("import-nddata",), difference=True,
    ),
    "compilation": Row(
        "processor time of a reduction whose kernels are not compiled yet, beyond one whose are",
        ("reduce-first",), ("reduce",), 10, "cpu", difference=True,
    ),
}  # fmt: skip
"""The rows that take minutes, by name."""


def outcome(row, sides, *, n_exposures=None):
    """Return what came out of a row, for JSON.

    Ratios are those of runs of the same round: the smallest, the median and
    the largest of them.
    """
    failures = {name: sides[name].failure for name in row.sides if sides[name].failure}
    found = {"work": row.work, "figure": row.figure, "goal": row.goal, "ratio": row.is_ratio}
    ours = added(row.ours, sides, row.figure)
    theirs = added(row.theirs, sides, row.figure)
    if ours:
        found["ours"] = spread(ours)
    if theirs:
        found["theirs"] = spread(theirs)
    if failures or not ours or (row.theirs and not theirs):
        return {**found, "missing": failures or {"system": "the system does not tell"}}
    if row.is_ratio:
        part = n_exposures / 14 if "reduce-many" in row.ours else 1
        values = [one / part / other for one, other in zip(ours, theirs, strict=True)]
    else:
        values = [one - other for one, other in zip(ours, theirs or [0] * len(ours), strict=True)]
    low, median, high = spread(values)
    met = None if row.goal is None else median <= row.goal
    return {**found, "min": low, "median": median, "max": high, "met": met}


def added(names, sides, figure):
    """Return the figures of each round, those of several sides together."""
    columns = [[getattr(run, figure) for run in sides[name].runs] for name in names]
    together = max if figure == "memory" else sum
    return [together(row) for row in zip(*columns, strict=False) if None not in row]

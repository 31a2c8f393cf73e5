"""The injection test from files to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._memory import return_freed_arrays
from ..io import find_exposures, group_exposures, require_one_group, write_json, write_table
from ..report import plot_recovery, recovery_table
from ..simulation import Recovery, injection_test
from ._output import output_directory
from ._reporter import Reporter
from ._run import CalibrationFiles

__all__ = ["inject"]

_PRODUCTS = ("injection.ecsv", "stars.ecsv", "injection.json", "injection.png")


def inject(
    paths: Sequence[Path],
    directory: Path,
    reporter: Reporter,
    *,
    control: Path | None,
    overwrite: bool,
    **options: Any,
) -> Recovery:
    """Run the injection test and write its products to a directory.

    Parameters
    ----------
    paths : sequence of `~pathlib.Path`
        Exposures, or directories that hold them.
    directory : `~pathlib.Path`
        Where the products shall be.
    reporter : Reporter
        Is told what happens.
    control : `~pathlib.Path` or None
        Control file that names the calibrations.
    overwrite : bool
        Whether earlier products may be replaced.
    **options
        Arguments for `~emirimg.simulation.injection_test`.
    """
    return_freed_arrays()
    table, stars, summary, picture = _PRODUCTS
    with output_directory(directory, _PRODUCTS, overwrite=overwrite) as workplace:
        group = require_one_group(group_exposures(find_exposures(paths)))
        recovery = injection_test(
            group.paths,
            calibrations=CalibrationFiles(control).read(group, reporter),
            progress=reporter.progress,
            **options,
        )
        write_table(workplace / table, recovery.table)
        write_table(workplace / stars, recovery.stars)
        write_json(workplace / summary, recovery.to_dict())
        plot_recovery(recovery).savefig(workplace / picture)
    reporter.say(recovery_table(recovery))
    reporter.say(f"The tables and the picture are in {directory}: {', '.join(_PRODUCTS)}")
    return recovery

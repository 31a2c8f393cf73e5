"""What a run of observation blocks is asked for, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import ObservationBlock
from ..instrument import Detector
from ..io import Workspace

__all__ = ["PlannedBlock", "RunOptions"]


@dataclass(frozen=True)
class RunOptions:
    """Where files are, and what of the parameter files is overridden.

    Parameters
    ----------
    base : `~pathlib.Path`, optional
        Directory of the work and results directories. Default: the current
        one.
    data : `~pathlib.Path`, optional
        Directory of the exposures, below ``base``. Default: ``data``.
    calibrations : `~pathlib.Path`, optional
        Directory of the calibrations, below ``base``. Default: what the
        control file says.
    work, results : `~pathlib.Path`, optional
        Directories of the only block that is run, below ``base``.
    enable : tuple of str, optional
        Identifiers of blocks that are run although they are not enabled.
    pipeline : str, optional
        Name of a set of recipes, for all blocks.
    detector : Detector, optional
        The detector that took the exposures. Default: by their headers.
    changes : mapping, optional
        Requirements that replace those of the blocks.
    loose : bool, optional
        Whether unknown requirements are left out with a warning.
    session : bool, optional
        Whether the first document of each file lists which blocks are run.
    link : bool, optional
        Whether inputs are linked into the work directories, not copied.
    intermediate : bool, optional
        Whether intermediate images are written to the work directories.
    validate : bool, optional
        Whether results are read back before they get their name.
    cleanup : bool, optional
        Whether the work directory of a block is removed when it has ended
        well.
    report : bool, optional
        Whether mosaics of the recipes get a report, which takes some seconds
        for each. Those of strategies always get one.

    Examples
    --------
    >>> from pathlib import Path
    >>> from emirimg.dither import RunOptions
    >>> options = RunOptions(base=Path("night1"), changes={"iterations": 2})
    >>> options.base.as_posix(), options.changes
    ('night1', {'iterations': 2})
    """

    base: Path = Path()
    data: Path = Path("data")
    calibrations: Path | None = None
    work: Path | None = None
    results: Path | None = None
    enable: tuple[str, ...] = ()
    pipeline: str | None = None
    detector: Detector | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    loose: bool = False
    session: bool = False
    link: bool = False
    intermediate: bool = True
    validate: bool = False
    cleanup: bool = False
    report: bool = False

    def absolute(self) -> RunOptions:
        """Return options that mean the same in any directory.

        Examples
        --------
        >>> from emirimg.dither import RunOptions
        >>> RunOptions().absolute().base.is_absolute()
        True
        """
        return replace(self, base=self.base.absolute())


@dataclass(frozen=True)
class PlannedBlock:
    """A block, and all it needs.

    Parameters
    ----------
    block : ObservationBlock
        The block, with the requirements of the control file.
    workspace : Workspace
        Its directories.
    detector : Detector
        The detector that took its exposures.
    exposures : tuple of `~pathlib.Path`
        Raw exposures: of the block, or (strategies) of all its children.
    children : tuple of Workspace
        Where the images to combine lie, or will lie.
    calibrations : dict
        Kind (bad_pixels, bias, dark, flat) to file.
    positions : `~numpy.ndarray` or None
        (x, y) of a reference object in each exposure.
    inputs : dict
        Name of an input to where its value comes from, and the value.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import RunOptions, plan_run
    >>> from emirimg.io import read_control
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(64, 64), n_exposures=1, n_stars=5, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     tree = write_tutorial(directory, scene)
    ...     options = RunOptions(base=Path(directory))
    ...     [plan, *_] = plan_run([tree.observations["ini"]], read_control(tree.control), options)
    ...     print(plan.block.mode, len(plan.exposures), sorted(plan.calibrations))
    STARE_IMAGE 1 ['bad_pixels', 'dark', 'flat']
    >>> plan.absolute().workspace.results.is_absolute()  # for a worker elsewhere
    True
    """

    block: ObservationBlock
    workspace: Workspace
    detector: Detector
    exposures: tuple[Path, ...]
    children: tuple[Workspace, ...]
    calibrations: dict[str, Path]
    positions: NDArray[np.float64] | None
    inputs: dict[str, tuple[str, Any]]

    def absolute(self) -> PlannedBlock:
        """Return a plan that means the same in any directory."""
        return replace(
            self,
            workspace=self.workspace.absolute(),
            exposures=tuple(path.absolute() for path in self.exposures),
            children=tuple(child.absolute() for child in self.children),
            calibrations={kind: path.absolute() for kind, path in self.calibrations.items()},
        )

"""What ``emirimg reduce --watch`` does until the sequence is over."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u

from ..calibration import Calibrations
from ..dither import DitherReducer, DitherResult, QuickLook, watch
from ..exceptions import EmirimgWarning, InputError
from ..io import ExposureGroup, replacing
from ..report import plot_mosaic
from ._output import refuse_products
from ._reporter import Reporter
from ._run import PRODUCTS, CalibrationFiles

__all__ = ["QUICK_PRODUCTS", "Waiting", "watch_directory"]

QUICK_PRODUCTS = ("quicklook.fits", "quicklook.png")
_QUICK = {"passes": 1, "starflat": None}
"""One pass without the search for the illumination: a third of the time of all."""


@dataclass(frozen=True)
class Waiting:
    """How long to wait: the number of exposures expected, and minutes without a new one."""

    expected: int | None = None
    patience: float = 10.0


def watch_directory(
    paths: Sequence[Path],
    output: Path,
    reporter: Reporter,
    *,
    calibrations: CalibrationFiles,
    strategies: Mapping[str, Any],
    waiting: Waiting,
    overwrite: bool = False,
) -> tuple[list[Path], list[Path]]:
    """Tell after each exposure what the sequence is worth so far.

    `QUICK_PRODUCTS` in ``output`` are replaced each time.

    Returns
    -------
    exposures, sky_exposures : list of `~pathlib.Path`
        The sequence, when it is over.

    Raises
    ------
    InputError
        If there is not one directory to watch, nothing arrived in it, or ``output``
        has products that must not be replaced.
    """
    refuse_products(output, PRODUCTS, overwrite=overwrite)
    if len(paths) != 1:
        msg = f"--watch follows one directory, but {len(paths)} paths were given"
        raise InputError(msg)
    known: list[Calibrations] = []

    def quick(group: ExposureGroup, sky_exposures: Sequence[Path]) -> DitherResult:
        if not known:
            known.append(calibrations.read(group, reporter))
        reducer = DitherReducer(
            calibrations=known[0], progress=reporter.progress, **{**strategies, **_QUICK}
        )
        with warnings.catch_warnings():
            # Few exposures give many warnings; those that still hold in the end are given then.
            warnings.simplefilter("ignore", EmirimgWarning)
            return reducer.reduce(group.paths, sky_exposures=sky_exposures)

    reporter.step(f"watching {paths[0]}")
    look = None
    for look in watch(paths[0], quick, expected=waiting.expected, patience=60 * waiting.patience):
        reporter.say(_line(look))
        if look.result is not None:
            _write(look.result, output)
    if look is None:
        msg = (
            f"no raw imaging exposure of EMIR arrived in {paths[0]} within"
            f" {waiting.patience:g} minutes"
        )
        raise InputError(msg)
    reporter.say("The sequence is over: it is reduced in full now")
    return list(look.group.paths), list(look.sky_exposures)


def _write(result: DitherResult, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    image, picture = (output / name for name in QUICK_PRODUCTS)
    result.write(image, overwrite=True)
    with replacing(picture, overwrite=True) as path:
        plot_mosaic(result.mosaic, result.objects).savefig(path)


def _line(look: QuickLook) -> str:
    start = f"{len(look.group.paths):3d}  {look.group.paths[-1].name}  "
    if look.result is None:
        return f"{start}no mosaic yet: {look.problem}"
    last, quality = look.result.frames[-1], look.result.quality
    return (
        f"{start}seeing {_known(quality.seeing.to_value(u.arcsec))} arcsec"
        f"  depth {_known(look.depth)} mag, {_known(look.depth_foreseen)} with {look.foreseen}"
        f"  sky {last.sky_level:.0f} ADU  transparency {last.transparency:.2f}"
    )


def _known(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "unknown"

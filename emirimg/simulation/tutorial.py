"""A whole directory of simulated exposures, calibrations and parameter files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

from .._parallel import Progress, no_progress, parallel_map
from ..exceptions import InputError
from ..instrument import DETECTORS, undistorted
from ..io.atomic import replacing
from .calibrations import calibration_header
from .exposure import exposure_name
from .pointing import exposure_number, is_on_target, pattern_place
from .scene import Scene
from .truth import Truth
from .tutorial_yaml import CALIBRATION_FILES, combination_text, control_text, stare_text

__all__ = ["TutorialPaths", "write_tutorial"]

_FLAT_OF_ONES = "master_flat_ones.fits"
_OFFSETS = "user_offsets.txt"

_HEADER_ONLY = {"iterations": 0, "sky_images": 0, "refine_offsets": False}
_REFINED = {**_HEADER_ONLY, "refine_offsets": True}
_USER = {"iterations": 0, "sky_images": 0, "offsets": _OFFSETS, "refine_offsets": False}
_ITERATED = {"iterations": 1, "sky_images": 6, "refine_offsets": True}

_COMBINATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "HAWAII-2": {
        "v0": _HEADER_ONLY,
        "v1": _REFINED,
        "v2": _USER,
        "v3": {**_USER, "refine_offsets": True},
        "v4": _ITERATED,
        "v5": {**_ITERATED, "nside_adhoc_sky_correction": 10},
        "v6": {**_ITERATED, "fit_doughnut": True, "nside_adhoc_sky_correction": 10},
    },
    "H2RG": {
        "v0": _HEADER_ONLY,
        "v5_h2rg": {**_ITERATED, "adhoc_sky_correction_h2rg": True},
    },
}


@dataclass(frozen=True)
class TutorialPaths:
    """Where the files of a simulated sequence lie.

    Parameters
    ----------
    root : `~pathlib.Path`
        Directory of the sequence.
    exposures : tuple of `~pathlib.Path`
        Raw exposures, in order of time.
    bad_pixel_mask, dark, flat : `~pathlib.Path`
        Master calibrations of the detector that took them.
    control : `~pathlib.Path`
        Control file that names the calibrations.
    observations : dict of str to `~pathlib.Path`
        Files of observation blocks: ``ini``, ``v0``, ...
    truth : `~pathlib.Path`
        Directory of the truth, see `Truth.read`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     paths = write_tutorial(directory, scene)
    >>> len(paths.exposures), paths.control.name, sorted(paths.observations)[:2]
    (2, 'control.yaml', ['ini', 'v0'])
    """

    root: Path
    exposures: tuple[Path, ...]
    bad_pixel_mask: Path
    dark: Path
    flat: Path
    control: Path
    observations: dict[str, Path]
    truth: Path


def write_tutorial(
    directory: Path | str,
    scene: Scene,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
    executor: Executor | None = None,
) -> TutorialPaths:
    """Write a simulated sequence as the observatory delivers one, and its truth.

    Parameters
    ----------
    directory : path-like
        Where to write; it is made when it does not exist.
    scene : Scene
        What is observed.
    overwrite : bool, optional
        Whether files may be replaced. Default: the directory must be empty.
    progress : callable, optional
        See `emirimg._parallel.Progress`.
    executor : `concurrent.futures.Executor`, optional
        Where the exposures are made. Default: threads.

    Returns
    -------
    TutorialPaths

    Raises
    ------
    InputError
        If the directory is not empty and ``overwrite`` is False.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.io import find_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=2, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     print(len(find_exposures(directory)))
    2
    """
    root = Path(directory)
    if root.exists() and (not root.is_dir() or any(root.iterdir())) and not overwrite:
        msg = f"{root}: not an empty directory; choose another one or allow to overwrite"
        raise InputError(msg)
    data, truth_directory = root / "data", root / "truth"
    data.mkdir(parents=True, exist_ok=True)
    truth_directory.mkdir(exist_ok=True)

    names = [exposure_name(scene.truth, index) for index in range(scene.n_exposures)]
    groups = _groups(scene, names)
    targets = _groups(scene, names, is_on_target)
    texts = {
        root / "control.yaml": control_text(),
        root / "dithered_ini.yaml": stare_text(groups, enabled=True),
        data / _OFFSETS: _reference_object(scene.truth),
    }
    observations = {"ini": root / "dithered_ini.yaml"}
    for version, requirements in _COMBINATIONS[scene.detector].items():
        observations[version] = root / f"dithered_{version}.yaml"
        texts[observations[version]] = combination_text(
            targets, f"_combined_{version}", requirements
        )
    for path, text in texts.items():
        _write_text(path, text)
    _write_calibrations(data, scene)
    _write_truth(truth_directory, scene.truth)
    parallel_map(
        lambda index, name: _write_ccd(data / name, scene.exposure(index)),
        range(scene.n_exposures),
        names,
        executor=executor,
        progress=progress,
        description="simulating exposures",
    )
    mask, dark, flat = (data / name for name in CALIBRATION_FILES[scene.detector])
    return TutorialPaths(
        root=root,
        exposures=tuple(data / name for name in names),
        bad_pixel_mask=mask,
        dark=dark,
        flat=flat,
        control=root / "control.yaml",
        observations=observations,
        truth=truth_directory,
    )


def _groups(
    scene: Scene,
    names: list[str],
    is_wanted: Callable[[Scene, int], bool] = lambda _scene, _index: True,
) -> list[tuple[str, tuple[str, ...]]]:
    """Return an identifier and the exposures of each place of the pattern."""
    groups = []
    for first in range(0, len(names), scene.repeats):
        if not is_wanted(scene, first):
            continue
        files = tuple(names[first : first + scene.repeats])
        number = exposure_number(scene, first)
        identifier = f"_{number}" if scene.detector == "H2RG" else f"_{number:010d}"
        groups.append((identifier, files))
    return groups


def _reference_object(truth: Truth) -> str:
    """Return the FITS (x, y) of one star at each place, on undistorted exposures."""
    scene = truth.scene
    ny, nx = scene.frame_shape
    targets = np.flatnonzero(truth.on_target)
    wcss = [undistorted(truth.wcs(index)) for index in targets]
    catalogue = truth.catalogue
    ra, dec = catalogue["ra"].to_value(u.deg), catalogue["dec"].to_value(u.deg)
    x, y = np.moveaxis([wcs.wcs_world2pix(np.transpose([ra, dec]), 1) for wcs in wcss], -1, 0)
    # Of the stars in the middle half of every exposure, the brightest.
    middle = np.all((abs(x / nx - 0.5) < 0.25) & (abs(y / ny - 0.5) < 0.25), axis=0)
    usable = middle & (catalogue["type"] == "star") & (catalogue["flux"] < scene.brightest)
    chosen = int(np.argmax(usable)) if usable.any() else 0
    places = np.array([pattern_place(scene, index) for index in targets])
    return "".join(
        f"{x[places == place, chosen].mean():9.2f} {y[places == place, chosen].mean():9.2f}\n"
        for place in np.unique(places)
    )


def _write_calibrations(data: Path, scene: Scene) -> None:
    """Write the calibrations of both detectors, and a flat of ones."""
    for device in DETECTORS:
        frames = scene.replace(detector=device.name).calibrations()
        files = CALIBRATION_FILES[device.name]
        if device.name != scene.detector:
            # The dark is one file for both, and belongs to the detector in use.
            _write_ccd(data / files[0], frames.bad_pixel_mask)
            _write_ccd(data / files[2], frames.flat)
            continue
        for name, frame in zip(
            files, (frames.bad_pixel_mask, frames.dark, frames.flat), strict=True
        ):
            _write_ccd(data / name, frame)
        ones = CCDData(
            np.ones_like(frames.flat.data),
            unit=u.dimensionless_unscaled,
            meta=calibration_header(scene.truth, "FLAT_OF_ONES"),
        )
        _write_ccd(data / _FLAT_OF_ONES, ones)


def _write_truth(directory: Path, truth: Truth) -> None:
    _write_text(directory / "scene.json", truth.scene.model_dump_json(indent=1) + "\n")
    for name in ("catalogue", "frames"):
        with replacing(directory / f"{name}.ecsv", overwrite=True) as part:
            getattr(truth, name).write(part, format="ascii.ecsv")


def _write_text(path: Path, text: str) -> None:
    with replacing(path, overwrite=True) as part:
        part.write_text(text, encoding="utf-8")


def _write_ccd(path: Path, frame: CCDData) -> None:
    with replacing(path, overwrite=True) as part:
        fits.PrimaryHDU(frame.data, header=frame.header).writeto(part)

"""Which calibrations exposures get, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from astropy.nddata import CCDData

from ...blocks import CalibrationType
from ...calibration.calibrations import WORDS, Calibrations
from ...exceptions import FrameError
from ...instrument import DETECTORS, Detector
from ...io import ExposureGroup, find_control, read_control, read_image
from .findings import CalibrationUse, Finding, Severity

__all__ = ["check_calibrations", "find_calibrations"]

_TYPES: dict[str, CalibrationType] = {
    "bad_pixels": "MasterBadPixelMask",
    "dark": "MasterDark",
    "flat": "MasterIntensityFlat",
}


def find_calibrations(
    group: ExposureGroup,
    *,
    control: Path | None = None,
    files: Mapping[str, Path | None] | None = None,
) -> tuple[CalibrationUse, ...]:
    """Find the calibrations of exposures.

    Parameters
    ----------
    group : ExposureGroup
        The exposures.
    control : `~pathlib.Path`, optional
        Control file. Default: the nearest control.yaml beside or above the
        exposures, where there is one.
    files : mapping, optional
        Files by the names ``bad_pixels``, ``dark`` and ``flat``. Where one is
        given, no control file is looked at.

    Returns
    -------
    tuple of CalibrationUse
        One for each of the three kinds.

    Raises
    ------
    InputError
        If the control file is not usable.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import find_calibrations
    >>> from emirimg.io import group_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(32, 32), n_exposures=1, n_stars=1, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     uses = find_calibrations(group_exposures(directory)[0])
    >>> [(use.kind, use.path.name) for use in uses][0]
    ('bad_pixels', 'master_bpm.fits')
    """
    files = files or {}
    if any(files.values()):
        return tuple(
            CalibrationUse(kind, files.get(kind), "named" if files.get(kind) else "not named")
            for kind in _TYPES
        )
    control = control or find_control(group.paths)
    if control is None:
        reason = "no control.yaml beside or above the exposures"
        return tuple(CalibrationUse(kind, None, reason) for kind in _TYPES)
    choices = read_control(control)
    tags = {"filter": group.filter_name, "grism": group.metadata[0].grism}
    uses = []
    for kind, name in _TYPES.items():
        path = choices.choose(name, group.detector, tags)
        which = f"{name} for {group.detector.name}, filter {group.filter_name or '(none)'}"
        reason = (
            f"the first {which} in control file {control}" if path else f"no {which} in {control}"
        )
        uses.append(CalibrationUse(kind, path, reason))
    return tuple(uses)


def check_calibrations(
    uses: tuple[CalibrationUse, ...], detector: Detector, shape: tuple[int, int]
) -> Iterator[Finding]:
    """Check that calibrations are there and belong to the detector.

    Parameters
    ----------
    uses : tuple of CalibrationUse
        As from `find_calibrations`.
    detector : Detector
        The detector that took the exposures.
    shape : tuple of int
        Shape (ny, nx) of the exposures.

    Yields
    ------
    Finding

    Examples
    --------
    >>> from emirimg.dither import CalibrationUse, check_calibrations
    >>> from emirimg.instrument import HAWAII2
    >>> uses = (CalibrationUse("flat", None, "no control file was found"),)
    >>> for finding in check_calibrations(uses, HAWAII2, (2048, 2048)):
    ...     print(finding.text)
    no flat: no control file was found
    """
    for use in uses:
        word = WORDS[use.kind]
        if use.path is None:
            severity = Severity.NOTE if use.kind == "dark" else Severity.WARNING
            yield Finding(severity, "calibrations", f"no {word}: {use.reason}")
            continue
        try:
            image = read_image(use.path)
        except FrameError as error:
            yield Finding(Severity.ERROR, "calibrations", str(error))
            continue
        name = (use.path.name,)
        if image.shape != shape:
            text = f"the {word} has the shape {image.shape}, the exposures have {shape}"
            yield Finding(Severity.ERROR, "calibrations", text, name)
            continue
        # The same file of nothing but ones or zeros may serve any detector.
        is_blank = bool(np.ptp(image.data) == 0)
        owner = _owner(image)
        if owner is not None and owner != detector and not is_blank:
            text = f"the {word} belongs to the {owner.name}, the exposures to the {detector.name}"
            yield Finding(Severity.ERROR, "calibrations", text, name)
        if use.kind == "bad_pixels" and not image.data.any():
            text = "the mask marks no pixel: bad ones are looked for in the exposures only"
            yield Finding(Severity.NOTE, "calibrations", text, name)
        if use.kind == "flat" and (fault := Calibrations(flat=image).flat_fault):
            yield Finding(Severity.WARNING, "calibrations", fault, name)


def _owner(image: CCDData) -> Detector | None:
    uuid = str(image.meta.get("INSCONF", "")).strip().lower()
    return next((detector for detector in DETECTORS if detector.uuid == uuid), None)

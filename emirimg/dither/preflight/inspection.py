"""Look at exposures before they are reduced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

import astropy.units as u

from ..._parallel import Progress, default_executor, no_progress, parallel_map
from ..._wording import counted
from ...exceptions import FrameError, InputError, MetadataError
from ...instrument import ExposureMetadata, pixel_scale, read_metadata, read_pointing
from ...io import ExposureGroup, find_gaps, group_exposures, read_frame, read_header
from ...io.exposures import examine_files
from ..roles import divide_groups
from .calibrations import check_calibrations, find_calibrations
from .findings import CalibrationUse, ExposureLook, Finding, GroupCheck, Preflight, Severity
from .judgement import check_looks
from .pixels import PixelLook, look_at_pixels, quick_seeing
from .places import Placed, check_places, pointing_offsets

__all__ = ["check_exposures"]

_ORDER = list(Severity)[::-1]
_FEW = 3
"""With fewer exposures nothing can be told from what is fixed on the detector."""

Seen = tuple[PixelLook, Placed]


def check_exposures(
    paths: str | Path | Iterable[str | Path],
    *,
    control: Path | None = None,
    calibrations: Mapping[str, Path | None] | None = None,
    executor: Executor | None = None,
    progress: Progress = no_progress,
) -> Preflight:
    """Say whether exposures are fit to be reduced, and what is wrong with them.

    Parameters
    ----------
    paths : path or iterable of path
        Files, and directories as for `emirimg.io.find_exposures`.
    control : `~pathlib.Path`, optional
        Control file. Default: the nearest control.yaml.
    calibrations : mapping, optional
        Files by the names ``bad_pixels``, ``dark`` and ``flat``, instead.
    executor : `concurrent.futures.Executor`, optional
        Default: threads, one for each processor.
    progress : callable, optional
        See `~emirimg.dither.DitherReducer`.

    Returns
    -------
    Preflight
        ``works`` says whether `~emirimg.dither.DitherReducer` would make a
        mosaic of these exposures that is not wrong.

    Notes
    -----
    Nothing is raised for a fault of a file: it becomes a finding. A frame takes
    0.2 s of one processor.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.dither import check_exposures
    >>> from emirimg.simulation import Scene, write_tutorial
    >>> scene = Scene(shape=(256, 256), n_exposures=2, n_stars=40, n_galaxies=0)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     check = check_exposures(directory)
    >>> check.works, len(check.groups[0].exposures)
    (True, 2)
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    named = {Path(path) for path in paths if not Path(path).is_dir()}
    usable: list[Path] = []
    passed: Counter[str] = Counter()
    findings: list[Finding] = []
    for path, reason in examine_files(paths).items():
        if not reason:
            try:
                read_metadata(read_header(path), source=path.name)
                usable.append(path)
            except MetadataError as error:
                findings.append(_fault("header", error, path))
            continue
        passed["damaged file" if isinstance(reason, FrameError) else reason] += 1
        if path in named:
            text = f"is no raw imaging exposure of EMIR: {reason}"
            findings.append(Finding(Severity.ERROR, "files", text, (path.name,)))
        elif isinstance(reason, FrameError):
            text = f"{_without_name(reason, path)}; it would be left out"
            findings.append(Finding(Severity.WARNING, "files", text, (path.name,)))
        elif "WCS" in reason:
            text = f"{reason}: it would be left out"
            findings.append(Finding(Severity.WARNING, "wcs", text, (path.name,)))
    if not usable:
        text = "no raw imaging exposure of EMIR that could be used"
        findings.append(Finding(Severity.ERROR, "files", text))
        return Preflight((), _sorted(findings), dict(passed))
    groups = group_exposures(usable)
    targets, skies = divide_groups(groups)
    findings += _check_groups(targets, skies, groups)
    with default_executor(executor) as pool:
        checked = [
            _check_group(
                group,
                role="target" if group in targets else "sky",
                control=control,
                files=calibrations,
                executor=pool,
                progress=progress,
            )
            for group in groups
        ]
    return Preflight(tuple(checked), _sorted(findings), dict(passed))


def _check_groups(
    targets: Sequence[ExposureGroup],
    skies: Sequence[ExposureGroup],
    groups: Sequence[ExposureGroup],
) -> Iterator[Finding]:
    """Say what keeps exposures apart, and which of the sky are of no use."""
    if len(targets) > 1:
        differ = ", ".join(
            f"{word} ({', '.join(found)})"
            for word, found in _differences(targets).items()
            if len(found) > 1
        )
        text = (
            f"{len(targets)} groups of exposures must not be combined, they differ in {differ};"
            " name the files of one of them"
        )
        yield Finding(Severity.ERROR, "groups", text)
        most = max(len(group.paths) for group in targets)
        for group in targets:
            if len(group.paths) <= max(1, 0.2 * most) and len(group.paths) < most:
                names = tuple(path.name for path in group.paths)
                text = "odd among the others by object, filter, time or read mode"
                yield Finding(Severity.WARNING, "groups", text, names)
    lost = [group for group in groups if group not in targets and group not in skies]
    for group in lost:
        text = "sky with another filter, time or read mode than the target: not used"
        names = tuple(path.name for path in group.paths)
        yield Finding(Severity.WARNING, "groups", text, names)


def _differences(groups: Sequence[ExposureGroup]) -> dict[str, list[str]]:
    texts = {
        "object": [group.object_name or "(none)" for group in groups],
        "filter": [group.filter_name or "(none)" for group in groups],
        "exposure time": [f"{group.exposure_time.to_value(u.s):g} s" for group in groups],
        "read mode": [group.read_mode or "(none)" for group in groups],
        "detector": [group.detector.name for group in groups],
    }
    return {word: list(dict.fromkeys(found)) for word, found in texts.items()}


def _check_group(
    group: ExposureGroup,
    *,
    role: str,
    control: Path | None,
    files: Mapping[str, Path | None] | None,
    executor: Executor,
    progress: Progress,
) -> GroupCheck:
    names = [path.name for path in group.paths]
    findings = [
        Finding(Severity.WARNING, "pattern", gap) for gap in find_gaps(group.metadata, names)
    ]
    if len(names) < _FEW and role == "target":
        many = counted(len(names), "exposure")
        text = f"{many}: three or more are needed to know the sky and outliers"
        findings.append(Finding(Severity.WARNING, "pattern", text))
    findings += _check_headers(group.metadata, names)
    seen = parallel_map(
        _look, group.paths, group.metadata, executor=executor, progress=progress,
        description="Looking at exposures",
    )  # fmt: skip
    usable = {number: item for number, item in enumerate(seen) if not isinstance(item, Finding)}
    findings += [item for item in seen if isinstance(item, Finding)]
    exposures: list[ExposureLook] = []
    uses: tuple[CalibrationUse, ...] = ()
    try:
        uses = find_calibrations(group, control=control, files=files)
    except InputError as error:
        findings.append(Finding(Severity.ERROR, "calibrations", str(error)))
    if usable:
        kept = list(usable)
        looks, places = zip(*usable.values(), strict=True)
        exposures = _exposures(looks, places, [group.metadata[k] for k in kept], executor)
        findings += check_places(places)
        findings += check_looks(looks, exposures, group.detector)
        findings += check_calibrations(uses, group.detector, places[0].shape)
    return GroupCheck(
        group.object_name, group.filter_name, group.read_mode, group.detector.name,
        group.exposure_time, role, tuple(exposures), uses, _sorted(_merged(findings)),
    )  # fmt: skip


def _check_headers(metadata: Sequence[ExposureMetadata], names: Sequence[str]) -> list[Finding]:
    findings = []
    uuids = Counter(item.uuid for item in metadata if item.uuid)
    for item, name in zip(metadata, names, strict=True):
        detector = item.detector
        if not detector.is_valid_at(item.start):
            text = (
                f"INSCONF says {detector.name}, which was in use from {detector.valid_from} to"
                f" {detector.valid_until or 'today'}, not at the time of DATE-OBS"
            )
            findings.append(Finding(Severity.WARNING, "detector", text, (name,)))
        if item.is_flawed_ramp:
            text = "a ramp from before October 2018: excess noise, and levels that jump"
            findings.append(Finding(Severity.WARNING, "readout", text, (name,)))
        if uuids[item.uuid] > 1:
            text = f"the same UUID {item.uuid}: the same exposure?"
            findings.append(Finding(Severity.WARNING, "duplicates", text, (name,)))
    return findings


def _fault(topic: str, error: FrameError, path: Path) -> Finding:
    return Finding(Severity.ERROR, topic, _without_name(error, path), (path.name,))


def _without_name(error: FrameError, path: Path) -> str:
    """Return what an error says of a file that a finding names beside it."""
    return str(error).removeprefix(str(path)).removeprefix(path.name).lstrip(": ")


def _look(path: Path, metadata: ExposureMetadata) -> Seen | Finding:
    try:
        frame = read_frame(path)
    except FrameError as error:
        return _fault("files", error, path)
    place = Placed(path.name, frame.wcs, frame.shape, read_pointing(frame.meta))
    return look_at_pixels(frame, metadata.detector), place


def _exposures(
    looks: Sequence[PixelLook],
    places: Sequence[Placed],
    metadata: Sequence[ExposureMetadata],
    executor: Executor,
) -> list[ExposureLook]:
    offsets = pointing_offsets(places)
    scales = [pixel_scale(place.wcs).to_value(u.arcsec) for place in places]
    in_pixels = offsets / scales[0]
    widths = parallel_map(
        lambda index: quick_seeing(looks, index, in_pixels), range(len(looks)), executor=executor
    )
    return [
        ExposureLook(
            name=place.name,
            block=item.block,
            position=item.position,
            repeat=item.repeat,
            start=item.start,
            offset=(float(offset[0]), float(offset[1])),
            sky=look.level,
            saturated=look.saturated,
            not_finite=look.not_finite,
            seeing=fwhm * scale,
            n_stars=n_stars,
        )
        for place, item, offset, look, (fwhm, n_stars), scale in zip(
            places, metadata, offsets, looks, widths, scales, strict=True
        )
    ]


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Put the files of equal findings together."""
    files: dict[tuple[Severity, str, str], dict[str, None]] = {}
    for item in findings:
        files.setdefault((item.severity, item.topic, item.text), {}).update(
            dict.fromkeys(item.files)
        )
    return [Finding(*key, tuple(names)) for key, names in files.items()]


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda item: _ORDER.index(item.severity)))

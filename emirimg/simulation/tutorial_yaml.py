"""The parameter files of a simulated sequence, in the format of the observatory."""

from __future__ import annotations

from collections.abc import Sequence

from ..instrument import H2RG, HAWAII2

__all__ = ["CALIBRATION_FILES", "combination_text", "control_text", "stare_text"]

CALIBRATION_FILES = {
    HAWAII2.name: ("master_bpm.fits", "master_dark_zeros.fits", "master_flat_spec.fits"),
    H2RG.name: ("master_bpm_zeros.fits", "master_dark_zeros.fits", "master_flat_spec_H2RG.fits"),
}
"""Files of the bad-pixel mask, the dark and the flat of each detector."""

_CALIBRATION_TYPES = ("MasterBadPixelMask", "MasterDark", "MasterIntensityFlat")


def control_text() -> str:
    """Return the control file that names the calibrations of both detectors."""
    lines = ["version: 1", "products:", "  EMIR:"]
    for device, remark in ((HAWAII2, "original EMIR detector"), (H2RG, "H2RG detector")):
        lines.append(f"    {device.uuid}:  # {remark}")
        entries = zip(_CALIBRATION_TYPES, CALIBRATION_FILES[device.name], strict=True)
        lines += [
            f"    - {{id: {number}, type: '{kind}', tags: {{}}, content: '{file}'}}"
            for number, (kind, file) in enumerate(entries, start=2)
        ]
    lines += ["requirements:", "  EMIR:"]
    for device in (HAWAII2, H2RG):
        lines += [
            f"    {device.uuid}:",
            "      default:",
            "       FULL_DITHERED_IMAGE:",
            "        - {name: 'x_offsets', tags: {}, content: 'ref_object_pos.txt'}",
        ]
    return "\n".join(lines) + "\n"


def stare_text(groups: Sequence[tuple[str, Sequence[str]]], *, enabled: bool) -> str:
    """Return the blocks that reduce the exposures of each place.

    Parameters
    ----------
    groups : sequence of (str, sequence of str)
        Identifier of each block and the files of its exposures.
    enabled : bool
        Whether the blocks are to be run.
    """
    blocks = [
        "\n".join(
            [
                f"id: {identifier}",
                "instrument: EMIR",
                "mode: STARE_IMAGE",
                "frames:",
                *(f" - {file}" for file in files),
                "requirements:",
                "  reprojection_method: interp",
                f"enabled: {enabled}",
            ]
        )
        for identifier, files in groups
    ]
    return "\n---\n".join(blocks) + "\n"


def combination_text(
    groups: Sequence[tuple[str, Sequence[str]]], identifier: str, requirements: dict[str, object]
) -> str:
    """Return the blocks of the exposures, disabled, and the one that combines them.

    Parameters
    ----------
    groups : sequence of (str, sequence of str)
        See `stare_text`.
    identifier : str
        Identifier of the combination.
    requirements : dict
        Its parameters.
    """
    lines = [
        "---",
        f"id: {identifier}",
        "instrument: EMIR",
        "mode: FULL_DITHERED_IMAGE",
        "children:",
        *(f" - {child}" for child, _ in groups),
        "requirements:",
        *(f"  {name}: {value}" for name, value in requirements.items()),
        "enabled: True",
    ]
    return stare_text(groups, enabled=False) + "\n".join(lines) + "\n"

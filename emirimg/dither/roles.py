"""Which exposures show the target, and which the sky beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..instrument import ExposureMetadata
from ..io import ExposureGroup

__all__ = [
    "are_few",
    "are_strays",
    "beside_by_object",
    "beside_by_pointing",
    "divide_groups",
    "says_sky",
    "skies_of",
]

_HARDLY = 0.05
"""Exposures that share less than this part of their area do not overlap."""

_SKY = re.compile(r"(?<![A-Z])(SKY|OFF)(?![A-Z])")


def says_sky(object_name: str) -> bool:
    """Tell whether the name of an object says that it is sky.

    The word SKY or OFF must stand by itself.

    Examples
    --------
    >>> from emirimg.dither.roles import says_sky
    >>> says_sky("M33_sky"), says_sky("SKYLARK")
    (True, False)
    """
    return _SKY.search(object_name.upper()) is not None


def divide_groups(
    groups: Sequence[ExposureGroup],
) -> tuple[list[ExposureGroup], list[ExposureGroup]]:
    """Divide groups of exposures into targets and the sky beside them.

    Parameters
    ----------
    groups : sequence of ExposureGroup
        As from `~emirimg.io.group_exposures`.

    Returns
    -------
    targets : list of ExposureGroup
        Groups whose objects do not say that they are sky; all, where all do.
    skies : list of ExposureGroup
        Those of the others that differ from one of the targets in nothing but
        their object.
    """
    targets = [group for group in groups if not says_sky(group.object_name)] or list(groups)
    skies = [
        group
        for group in groups
        if group not in targets and any(group.goes_with(target) for target in targets)
    ]
    return targets, skies


def skies_of(targets: Sequence[ExposureGroup], skies: Sequence[ExposureGroup]) -> list[list[Path]]:
    """Return the exposures of the sky beside each target.

    A group of them is for one of the targets that differ from it in nothing but their
    object: the one whose name is part of its own, if there is one, otherwise the one
    that was observed nearest in time.

    Parameters
    ----------
    targets, skies : sequence of ExposureGroup
        As from `divide_groups`.
    """
    paths: list[list[Path]] = [[] for _ in targets]
    for sky in skies:
        fits = [index for index, target in enumerate(targets) if sky.goes_with(target)]
        named = [index for index in fits if targets[index].object_name in sky.object_name]
        nearest = min(named or fits, key=lambda index: abs(_middle(targets[index]) - _middle(sky)))
        paths[nearest] += sky.paths
    return paths


def beside_by_object(metadata: Sequence[ExposureMetadata]) -> NDArray[np.bool_]:
    """Return which exposures are sky by the name of their object.

    Parameters
    ----------
    metadata : sequence of ExposureMetadata
        Their headers.

    Returns
    -------
    `~numpy.ndarray` of bool
        All False where all of them say so, or none does.
    """
    sky = np.array([says_sky(item.object_name) for item in metadata])
    return np.zeros_like(sky) if sky.all() else sky


def beside_by_pointing(wcss: Sequence[WCS], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which exposures lie beside the target.

    Parameters
    ----------
    wcss : sequence of `~astropy.wcs.WCS`
        WCSs of the exposures, in order of time.
    shape : tuple of int
        Shape (ny, nx) of an exposure.

    Returns
    -------
    `~numpy.ndarray` of bool
        True: no chain of overlaps leads from the exposure to the target. All
        False where all exposures hang together.

    Notes
    -----
    Exposures hang together if they share at least 5 % of their area. The target
    is the group with the most exposures; of equal ones, that of the first.
    """
    places = np.transpose([_offsets(wcss[0], wcs, shape) for wcs in wcss])
    distances = np.abs(places[:, :, None] - places[:, None, :])
    part = np.maximum(1 - distances / np.array(shape[::-1])[:, None, None], 0).prod(axis=0)
    _, group = scipy.sparse.csgraph.connected_components(part >= _HARDLY, directed=False)
    sizes = np.bincount(group)
    largest = next(number for number in group if sizes[number] == sizes.max())
    return group != largest


def are_few(beside: NDArray[np.bool_]) -> bool:
    """Tell whether those that lie beside the target are so few that this may be an error.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.dither.roles import are_few
    >>> are_few(np.arange(5) == 3), are_few(np.arange(14) % 2 == 1)
    (True, False)
    """
    return bool(0 < beside.sum() < max(3, 0.2 * len(beside)))


def are_strays(beside: NDArray[np.bool_]) -> bool:
    """Tell whether those that lie beside the target are too few to be its sky.

    One or two, of which there is no telling what is sky and what their objects, would
    make the sky of all others worse than these can make it themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.dither.roles import are_strays
    >>> are_strays(np.arange(14) == 3), are_strays(np.arange(5) == 3)
    (True, False)
    """
    return bool(0 < beside.sum() < min(3, 0.2 * len(beside)))


def _middle(group: ExposureGroup) -> float:
    return float(np.mean([item.start.mjd for item in group.metadata]))


def _offsets(first: WCS, wcs: WCS, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return how far the centre of an exposure is from that of the first, in pixels (x, y)."""
    centre = [((shape[1] - 1) / 2, (shape[0] - 1) / 2)]
    start, end = (SkyCoord(item.wcs_pix2world(centre, 0), unit="deg") for item in (first, wcs))
    lon, lat = start.spherical_offsets_to(end)
    return np.linalg.solve(first.pixel_scale_matrix, [lon.deg[0], lat.deg[0]])

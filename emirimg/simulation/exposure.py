"""A raw exposure of a scene."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle
from astropy.io.fits import Header
from astropy.nddata import CCDData
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..instrument import frame_wcs
from .persistence import persistence_plane
from .planes import DEAD, HOT, NOISY, cosmic_ray_plane, trail_plane
from .pointing import (
    PATTERN_LENGTH,
    POSITION_ANGLE,
    claimed_pointing,
    exposure_number,
    exposure_start,
    is_on_target,
    pattern_place,
    repeat_number,
    wcs_header,
)
from .profiles import draw_catalogue
from .randomness import Purpose, generator
from .truth import Truth

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["exposure_header", "exposure_name", "make_exposure"]

_BLEEDING_REACH = 3.0
"""Standard deviation, in pixels, of the way that charge flows."""


def make_exposure(truth: Truth, index: int) -> CCDData:
    """Make one raw exposure, see `Scene.exposure`."""
    scene = truth.scene
    header = exposure_header(truth, index)
    data = _observe(_light(truth, index), truth, index)
    data += truth.pedestal(index)
    data += cosmic_ray_plane(scene, index)
    _saturate(data, scene)
    if scene.dtype == "int32":
        data = np.rint(data).astype(np.int32)
    return CCDData(data, unit=u.adu, meta=header, wcs=frame_wcs(header))


def exposure_name(truth: Truth, index: int) -> str:
    """Return the file name of an exposure."""
    night = {"HAWAII-2": "20181217", "H2RG": "20231119"}[truth.scene.detector]
    return f"{exposure_number(truth.scene, index):010d}-{night}-EMIR-STARE_IMAGE.fits"


def exposure_header(truth: Truth, index: int) -> Header:
    """Return the header of an exposure."""
    scene = truth.scene
    place = pattern_place(scene, index)
    n_places = 1 + max(pattern_place(scene, k) for k in range(scene.n_exposures))
    start = exposure_start(scene, index)
    end = start + scene.exposure_time
    ra, dec = claimed_pointing(scene, index)
    header = Header()
    for key, value, comment in (
        ("INSTRUME", "EMIR", "instrument"),
        ("INSCONF", scene.device.uuid, "configuration"),
        ("OBSMODE", "STARE_IMAGE", "observing mode"),
        ("OBJECT", _object_name(scene, index), "name of the field"),
        ("UUID", _identifier(scene.seed, index), "identifier of this exposure"),
        ("DATE-OBS", start.isot[:22], "start of the exposure (UTC)"),
        ("MJD-OBS", round(start.mjd, 8), "start of the exposure, modified Julian date"),
        ("TSTAMP", round(end.unix, 2), "time of writing, Unix time"),
        ("TSUTC1", round(start.unix, 2), "start of the exposure, Unix time"),
        ("TSUTC2", round(end.unix, 2), "end of the exposure, Unix time"),
        ("EXPTIME", scene.exposure_time.to_value(u.s), "[s] time on the sky"),
        ("READMODE", "RAMP", "read-out mode"),
        ("FILTER", scene.filter_name, "filter"),
        ("GRISM", "OPEN", "grism"),
        ("NOBSBLCK", 18, "observing block of the night"),
        ("OBSBLOCK", place // PATTERN_LENGTH + 1, "number of the observing block"),
        ("NIMGOBBL", min(PATTERN_LENGTH, n_places), "places in the dither pattern"),
        ("IMGOBBL", place % PATTERN_LENGTH + 1, "place in the dither pattern"),
        ("NEXP", scene.repeats, "exposures at each place"),
        ("EXP", repeat_number(scene, index) + 1, "exposure at this place"),
        ("RA", _sexagesimal(ra, "hourangle"), "pointing"),
        ("DEC", _sexagesimal(dec, "deg"), "pointing"),
        ("AIRMASS", round(1.21 + 0.0011 * index, 4), "airmass"),
        ("IPA", POSITION_ANGLE, "[deg] position angle of the instrument"),
        ("ROTANG", 121.3, "[deg] angle of the rotator"),
        ("XDTU", 0.0, "[um] place of the detector"),
        ("YDTU", 0.0, "[um] place of the detector"),
        ("ZDTU", 0.0, "[um] place of the detector"),
        ("BUNIT", "adu", "unit of the pixels"),
        ("GAIN", scene.gain, "electrons per ADU"),
        ("RDNOISE", scene.read_noise, "[adu] read noise"),
    ):  # fmt: skip
        header[key] = (value, comment)
    if scene.shape is not None:
        header["DETSEC"] = (_section(scene), "part of the detector that was read")
    header.update(wcs_header(scene, (ra, dec), claimed=True))
    return header


def _section(scene: Scene) -> str:
    """Return the central part of the detector, in the FITS convention."""
    (ny, nx), (whole_ny, whole_nx) = scene.frame_shape, scene.device.shape
    x, y = (whole_nx - nx) // 2, (whole_ny - ny) // 2
    return f"[{x + 1}:{x + nx},{y + 1}:{y + ny}]"


def _light(truth: Truth, index: int) -> NDArray[np.float32]:
    """Return the expected light in every pixel, as a perfect detector would count it."""
    scene = truth.scene
    light = np.zeros(scene.frame_shape, dtype=np.float32)
    transparency = float(truth.frames["transparency"][index])
    draw_catalogue(light, truth.wcs(index), truth.catalogue, truth.psf(index), scale=transparency)
    light *= truth.illumination
    light += truth.background(index)
    light += trail_plane(scene, index, truth.psf(index).fwhm)
    return light


def _observe(light: NDArray[np.float32], truth: Truth, index: int) -> NDArray[np.float32]:
    """Count the light with an imperfect detector, in ADU."""
    scene = truth.scene
    kinds = truth.bad_pixel_kinds
    # A bad pixel is bad in the same way in every exposure.
    character = generator(scene.seed, Purpose.BAD_PIXELS, 0)
    light *= truth.flat
    dead = kinds == DEAD
    light[dead] *= character.uniform(0.0, 0.5, dead.sum()).astype(np.float32)
    light += persistence_plane(truth, index)
    light += np.float32(scene.dark_current * scene.exposure_time.to_value(u.s))
    hot = kinds == HOT
    light[hot] += np.exp(character.normal(np.log(2500.0), 1.2, hot.sum())).astype(np.float32)
    noisy = kinds == NOISY
    noise = character.uniform(5.0, 60.0, noisy.sum()) * scene.read_noise
    random = generator(scene.seed, Purpose.NOISE, index, scene.realisation)
    light *= scene.gain
    counts = random.poisson(light).astype(np.float32)
    counts /= scene.gain
    counts += scene.read_noise * random.standard_normal(light.shape, dtype=np.float32)
    counts[noisy] += random.normal(0.0, noise).astype(np.float32)
    return counts


def _saturate(data: NDArray[np.float32], scene: Scene) -> None:
    """Cut off what the detector cannot count, in place; a part flows to the pixels around."""
    full = np.float32(scene.device.saturation)
    excess = data - full
    if scene.bleeding > 0 and (excess > 0).any():
        np.maximum(excess, 0, out=excess)
        data += np.float32(scene.bleeding) * gaussian_filter(excess, _BLEEDING_REACH)
    np.minimum(data, full, out=data)


def _object_name(scene: Scene, index: int) -> str:
    named = scene.nod_object == "sky" and not is_on_target(scene, index)
    return "TEST SKY" if named else "TEST"


def _sexagesimal(degrees: float, unit: str) -> str:
    return Angle(degrees, "deg").to_string(unit, sep=":", precision=3, pad=True)


def _identifier(seed: int, index: int) -> str:
    octets = generator(seed, Purpose.IDENTIFIER, index).bytes(16)
    return str(uuid.UUID(bytes=octets, version=4))

"""Scenes that have names: what a reduction should be able to do."""

from __future__ import annotations

from collections.abc import Mapping

from .scene import Scene

__all__ = ["SCENES"]

_TUTORIAL = Scene()
_GALAXY = _TUTORIAL.with_galaxies(250, big_galaxy=True).replace(big_galaxy_radius="60 arcsec")

SCENES: Mapping[str, Scene] = {
    "tutorial": _TUTORIAL,
    "sparse": _TUTORIAL.with_stars(60).with_galaxies(10),
    "crowded": _TUTORIAL.with_stars(8000),
    "galaxy": _GALAXY.with_sky_exposures(),
    "galaxy_sky": _GALAXY.with_sky_exposures(nod_object="sky"),
    "clouds": _TUTORIAL.with_clouds(0.555),
    "saturated": _TUTORIAL.with_stars(1500, n_saturated=1).replace(
        bleeding=0.2, persistence=0.005
    ),
    "five": _TUTORIAL.replace(n_exposures=5),
    "nexp2": _TUTORIAL.replace(n_exposures=28, repeats=2),
    "h2rg": _TUTORIAL.replace(detector="H2RG"),
    "trail": _TUTORIAL.replace(trails=4),
    "persistence": _TUTORIAL.replace(persistence=0.01),
    "striping": _TUTORIAL.replace(striping=5.0),
    "distortion": _TUTORIAL.replace(distortion_error=-0.05),
}
"""Scenes by name.

``tutorial``
    The defaults of `Scene`: 14 exposures, the 7-point dither pattern twice.
``sparse``
    60 stars and 10 galaxies.
``crowded``
    8000 stars.
``galaxy``, ``galaxy_sky``
    A galaxy that fills a third of the field; after each of 14 exposures of the
    field one of the sky 10 arcmin to the north. Its OBJECT is the same, or
    has the word SKY added.
``clouds``
    Transparency down to 0.6.
``saturated``
    One star far above saturation, whose charge flows over and lasts into
    the following exposures.
``five``
    5 exposures.
``nexp2``
    28 exposures, two at each place (NEXP = 2).
``h2rg``
    The H2RG: an empty bad-pixel mask and pedestals of the channels.
``trail``
    Four satellites.
``persistence``
    Bright stars leave 1 % of their charge in the next exposure.
``striping``
    Levels of lines of pixels with an rms of 5 ADU.
``distortion``
    A distortion in the header that is 5 % too small.
"""

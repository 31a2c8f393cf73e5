"""Many realisations of the noise of one small scene: are the errors true?"""

import warnings

import click
import numpy as np

from emirimg import DitherReducer
from emirimg.exceptions import EmirimgWarning
from emirimg.io import read_calibrations
from emirimg.projection import MosaicGrid
from emirimg.simulation import Scene, write_tutorial
from emirimg.simulation.scoring.field import Field
from emirimg.simulation.scoring.image import ScoredImage
from emirimg.simulation.scoring.measure import disc_sum

SCENE = Scene(
    shape=(640, 640), n_exposures=8, dither_scale=0.5, n_stars=180, n_galaxies=20, seed=5
)  # fmt: skip
_APERTURES = 3000
_BRIGHT = 100
"""From this ratio to the noise of the ideal stack on, the errors of the alignment show in a
pixel: a few thousandths of a pixel times the slope of a star, and of its transparency."""


def monte_carlo(directory, *, n_realisations=32, scene=SCENE, progress=click.echo, **strategies):
    """Compare the scatter of mosaics with what they claim.

    Parameters
    ----------
    directory : path
        For the exposures of one realisation at a time.
    n_realisations : int
        How often the scene is observed.
    scene : Scene
        What is observed.
    **strategies
        Arguments for the reducer.

    Returns
    -------
    dict of str to float
        Scatter over claim, for pixels without sources (``pixels``), in
        apertures of 2 FWHM once CORRNOIS is applied (``apertures``), both in
        the well-covered area and in the border (``_border``), and for pixels
        on sources up to a signal of 100 times the noise (``sources``) and
        above (``bright``); and ``corrnois``.
    """
    truth = scene.truth
    wcss = [truth.wcs(index) for index in range(scene.n_exposures)]
    grid = MosaicGrid.covering(wcss, [scene.frame_shape] * len(wcss))
    count = np.zeros(grid.shape, dtype=np.int16)
    total, squares, claimed = (np.zeros(grid.shape) for _ in range(3))
    sums, claims, factors, field = [], [], [], None
    for number in range(n_realisations):
        mosaic = _observe(directory, scene.replace(realisation=number), grid, strategies)
        factor = float(mosaic.header["CORRNOIS"])
        image = ScoredImage.from_mosaic(mosaic)
        if field is None:
            field = Field.prepare(image, truth)
            places = {
                limits: field.empty_places(field.fwhm, field.area(*limits), _APERTURES)
                for limits in ((0.7, np.inf), (0.0, 0.5))
            }
        good = ~mosaic.mask
        count += good
        data = np.where(good, mosaic.data, 0).astype(float)
        total += data
        squares += data**2
        claimed += np.where(good, mosaic.variance, 0)
        sums.append([disc_sum(data, p, field.fwhm) for p in places.values()])
        claims.append([disc_sum(mosaic.variance, p, field.fwhm) for p in places.values()])
        factors.append(factor)
        progress(f"realisation {number + 1} of {n_realisations}")
    seen = count == n_realisations
    scatter = (squares - total**2 / np.maximum(count, 1)) / (n_realisations - 1)
    claimed /= np.maximum(count, 1)
    noise = np.sqrt(np.where(np.isfinite(field.ideal.variance), field.ideal.variance, np.inf))
    brightness = field.ideal.model / noise
    on_source = (brightness > 3) & (brightness < _BRIGHT)
    factor = float(np.mean(factors))

    def pixels(area):
        return float(np.sqrt(np.mean(scatter[area] / claimed[area])))

    def apertures(which):
        measured = np.var([one[which] for one in sums], axis=0, ddof=1)
        return float(
            np.sqrt(np.mean(measured / np.mean([one[which] for one in claims], axis=0))) / factor
        )

    return {
        "pixels": pixels(seen & field.empty & field.area(0.7)),
        "pixels_border": pixels(seen & field.empty & field.area(0.0, 0.5)),
        "sources": pixels(seen & on_source & field.area(0.7)),
        "bright": pixels(seen & (brightness >= _BRIGHT) & field.area(0.7)),
        "apertures": apertures(0),
        "apertures_border": apertures(1),
        "corrnois": factor,
    }


def _observe(directory, scene, grid, strategies):
    tree = write_tutorial(directory, scene, overwrite=True)
    calibrations = read_calibrations(
        bad_pixels=tree.bad_pixel_mask, dark=tree.dark, flat=tree.flat
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmirimgWarning)
        reducer = DitherReducer(calibrations=calibrations, grid=grid, **strategies)
        return reducer.reduce(tree.exposures).mosaic

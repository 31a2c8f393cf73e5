"""What simulated exposures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..exceptions import InputError
from ..instrument import frame_wcs
from . import planes
from .conditions import frame_conditions
from .pointing import is_on_target, wcs_header
from .profiles import MoffatPSF
from .sources import draw_sources

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["Truth", "make_truth"]


@dataclass(frozen=True, eq=False)
class Truth:
    """The true sources, pointings, weather and detector of a simulation.

    Parameters
    ----------
    scene : Scene
        The scene.
    catalogue : `~astropy.table.QTable`
        True sources, brightest first: ``id``, ``type`` (star, disc,
        spheroid), ``ra``, ``dec``, ``flux`` (ADU in one exposure at full
        transparency), ``radius`` (half-light radius), ``axis_ratio`` and
        ``position_angle``.
    frames : `~astropy.table.QTable`
        One row for each exposure: ``date_obs``, ``ra``, ``dec``,
        ``claimed_ra``, ``claimed_dec``, ``error_x``, ``error_y`` (true minus
        claimed position of the field, in pixels), ``fwhm``, ``ellipticity``,
        ``psf_angle``, ``transparency``, ``sky`` (ADU).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.simulation import Scene, Truth, write_tutorial
    >>> scene = Scene(shape=(64, 64), n_exposures=2, n_stars=5, n_galaxies=2, trails=1)
    >>> with TemporaryDirectory() as directory:
    ...     _ = write_tutorial(directory, scene)
    ...     truth = Truth.read(directory)
    >>> len(truth.catalogue), len(truth.frames)
    (7, 2)
    >>> place = truth.wcs(0).pixel_to_world(30, 30)
    >>> x, y = truth.claimed_wcs(0).world_to_pixel(place)
    >>> print(f"the header is wrong by ({x - 30:.1f}, {y - 30:.1f}) pixels")
    the header is wrong by (4.0, 4.6) pixels
    >>> print(f"seeing {truth.psf(0).fwhm:.2f} arcsec, sky {truth.background(0).mean():.0f} ADU")
    seeing 0.77 arcsec, sky 2974 ADU
    >>> truth.cosmic_rays(0).shape, truth.trails(0).shape, truth.pedestal(0).shape
    ((64, 64), (64, 64), (64, 64))
    """

    scene: Scene
    catalogue: QTable
    frames: QTable

    @classmethod
    def read(cls, directory: Path | str) -> Truth:
        """Read the truth that was written with a simulated sequence.

        Parameters
        ----------
        directory : path-like
            The directory of the sequence, or the directory ``truth`` in it.

        Raises
        ------
        InputError
            If there is no truth.
        """
        from .scene import Scene  # noqa: PLC0415 - a scene knows its truth and a truth its scene

        directory = Path(directory)
        if (directory / "truth").is_dir():
            directory = directory / "truth"
        try:
            scene = Scene.model_validate_json((directory / "scene.json").read_text())
            catalogue = QTable.read(directory / "catalogue.ecsv")
            frames = QTable.read(directory / "frames.ecsv")
        except FileNotFoundError as error:
            msg = (
                f"{directory}: no truth of a simulated sequence here ({error.filename} is missing)"
            )
            raise InputError(msg) from None
        return cls(scene, catalogue, frames)

    def wcs(self, index: int) -> WCS:
        """Return the true WCS of an exposure, distortion included."""
        return self._wcs(index, "")

    def claimed_wcs(self, index: int) -> WCS:
        """Return the WCS that the header of an exposure claims."""
        return self._wcs(index, "claimed_")

    def _wcs(self, index: int, prefix: str) -> WCS:
        row = self.frames[index]
        pointing = tuple(row[prefix + axis].to_value(u.deg) for axis in ("ra", "dec"))
        return frame_wcs(wcs_header(self.scene, pointing, claimed=bool(prefix)))

    def psf(self, index: int) -> MoffatPSF:
        """Return the profile of a star in an exposure."""
        row = self.frames[index]
        return MoffatPSF(
            row["fwhm"].to_value(u.arcsec),
            self.scene.moffat_beta,
            float(row["ellipticity"]),
            row["psf_angle"].to_value(u.deg),
        )

    @property
    def on_target(self) -> NDArray[np.bool_]:
        """Which exposures show the field, not the sky beside it."""
        return np.array([is_on_target(self.scene, k) for k in range(self.scene.n_exposures)])

    def trails(self, index: int) -> NDArray[np.float32]:
        """Return the light, in ADU, of the satellites in an exposure."""
        return planes.trail_plane(self.scene, index, self.psf(index).fwhm)

    def cosmic_rays(self, index: int) -> NDArray[np.bool_]:
        """Return a mask, shape (ny, nx), of the cosmic rays of an exposure."""
        return planes.cosmic_ray_plane(self.scene, index) > 0

    def pedestal(self, index: int) -> NDArray[np.float32]:
        """Return the false background, in ADU, that the readout adds to an exposure."""
        return planes.pedestal_plane(self.scene, index)

    def background(self, index: int) -> NDArray[np.float32]:
        """Return sky and scattered light of an exposure after division by the flat, in ADU."""
        sky = np.float32(self.frames["sky"][index])
        return sky * (self.pixel_area * self.illumination + self.doughnut)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Ideal weight of each exposure once its stars are at full transparency; sum 1.

        Exposures of the sky beside the field have none.
        """
        variance = np.asarray(self.frames["sky"]) / self.scene.gain + self.scene.read_noise**2
        weights = np.asarray(self.frames["transparency"]) ** 2 / variance * self.on_target
        return weights / weights.sum()

    @cached_property
    def pixel_area(self) -> NDArray[np.float32]:
        """Solid angle of the pixels, relative to the reference pixel, shape (ny, nx)."""
        return planes.area_plane(self.scene, self.wcs(0))

    @cached_property
    def flat(self) -> NDArray[np.float32]:
        """Response from pixel to pixel, which the master flat knows."""
        return planes.flat_plane(self.scene)

    @cached_property
    def illumination(self) -> NDArray[np.float32]:
        """Smooth response, which the master flat does not know."""
        return planes.illumination_plane(self.scene)

    @cached_property
    def doughnut(self) -> NDArray[np.float32]:
        """Scattered light, relative to the sky level."""
        return planes.doughnut_plane(self.scene)

    @cached_property
    def known_bad_pixels(self) -> NDArray[np.bool_]:
        """Pixels that the bad-pixel mask knows to be bad."""
        return self._bad_pixels[0]

    @cached_property
    def bad_pixels(self) -> NDArray[np.bool_]:
        """All pixels that are hot, dead or noisy."""
        return self.bad_pixel_kinds > 0

    @property
    def bad_pixel_kinds(self) -> NDArray[np.uint8]:
        """0: good, 1: hot, 2: dead, 3: noisy."""
        return self._bad_pixels[1]

    @cached_property
    def _bad_pixels(self) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        return planes.bad_pixel_planes(self.scene)


def make_truth(scene: Scene) -> Truth:
    """Draw the truth of a scene."""
    frames = frame_conditions(scene)
    pointings = zip(frames["ra"].to_value(u.deg), frames["dec"].to_value(u.deg), strict=True)
    wcss = [frame_wcs(wcs_header(scene, pointing)) for pointing in pointings]
    return Truth(scene, draw_sources(scene, wcss), frames)

"""Draw the pictures of the user guide: ``python docs/pictures/make.py DIRECTORY``.

The directory keeps the reduced scenes, so that a picture can be drawn again in
no time; the pictures lie beside this file.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import Cutout2D
from drawing import RED, colored, deviation, outline, panels, save, sky_image
from matplotlib.figure import Figure
from observe import FIELD, FRAME, calibrated, observe_field, observe_galaxy, observe_plain, unpack
from projecting import draw_projection
from scipy.ndimage import center_of_mass, label, uniform_filter

from emirimg.io import read_mosaic
from emirimg.report import plot_mosaic, plot_noise_curve

_MAKERS = {
    "field.pickle": observe_field,
    "plain.fits": observe_plain,
    "galaxy.pickle": observe_galaxy,
}


class Data:
    """What was observed, read when it is wanted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for name, observe in _MAKERS.items():
            if not (directory / name).exists():
                observe(directory)
        self.kept: dict[str, Any] = self.read("field.pickle")
        self.mosaic = read_mosaic(directory / "field.fits")

    def read(self, name: str) -> Any:
        """Return what was pickled in a file."""
        return pickle.loads((self.directory / name).read_bytes())  # noqa: S301 (our own)


def draw_bad_pixels(data: Data) -> Figure:
    """Raw exposure, calibrated one, and what is masked."""
    raw, frame = FIELD.exposure(FRAME), calibrated(FIELD, FRAME)
    hidden = unpack(data.kept) & ~FIELD.truth.known_bad_pixels
    box = _crowded(hidden, 100)
    figure, axes = panels(3, size=3.4)
    noise = float(np.sqrt(np.median(frame.uncertainty.array)))
    sky_image(axes[0], raw.data[box], "Raw", sigma=noise, high=30)
    sky_image(axes[1], frame.data[box], "Divided by the flat", sigma=noise, high=30)
    shown = np.where(frame.mask | hidden, np.nan, frame.data)[box]
    sky_image(axes[2], shown, "Masked: known (grey), hidden (red)", sigma=noise, high=30)
    colored(axes[2], hidden[box])
    return figure


def draw_cosmic_rays(data: Data) -> Figure:
    """Frame, reference and what differs."""
    frame, reference, found = data.kept["outliers"]
    rays = found & FIELD.truth.cosmic_rays(FRAME)
    rays[:40], rays[-40:], rays[:, :40], rays[:, -40:] = False, False, False, False
    rows, columns = _crowded(rays, 200)
    box = np.s_[rows.start - 10 : rows.stop + 10, columns.start - 10 : columns.stop + 10]
    figure, axes = panels(3, size=3.4)
    for one, image, title in (
        (axes[0], frame, "One exposure"),
        (axes[1], reference, "First mosaic, brought back"),
        (axes[2], frame, "Flagged"),
    ):
        sky_image(one, image[box], title, level=0, sigma=25, high=60)
    colored(axes[2], found[box])
    labels, number = label(found[box], structure=np.ones((3, 3)))
    y, x = np.reshape(center_of_mass(found[box], labels, range(1, number + 1)), (-1, 2)).T
    axes[2].plot(x, y, "o", mfc="none", mec=RED, ms=14)
    return figure


def draw_trail(data: Data) -> Figure:
    """Difference to the mosaic, in units of the noise, and the masks of the trails."""
    number, (difference, mask) = min(data.kept["trails"].items())
    figure, axes = panels(2, size=4.2, height=4.3)
    for one in axes:
        drawn = deviation(one, 8 * difference, limit=5)
    axes[0].set_title(f"Exposure {number + 1} less the mosaic, binned 8 x 8", fontsize="medium")
    axes[1].set_title("Mask of the trail", fontsize="medium")
    outline(axes[1], mask, color="black")
    figure.colorbar(drawn, ax=axes, label="in units of the noise of a bin", shrink=0.8)
    return figure


def draw_persistence(data: Data) -> Figure:
    """Star, its glow in the next exposure, and what is masked."""
    first, later, box, _, glow, mask = data.kept["glows"][0]
    star = FIELD.exposure(first).data[box]
    figure, axes = panels(3, size=3.4)
    sky_image(axes[0], star, f"Exposure {first + 1}: a bright star", sigma=25, high=2000)
    for one in axes[1:]:
        sky_image(one, glow, f"The same pixels, exposure {later + 1}", level=0, sigma=25, high=30)
    axes[2].set_title("Masked", fontsize="medium")
    outline(axes[2], mask, width=1.2)
    return figure


def draw_sky(data: Data) -> Figure:
    """One exposure before and after."""
    frame = calibrated(FIELD, FRAME)
    before = np.where(frame.mask, np.nan, frame.data)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        before = np.nanmean(before.reshape(512, 4, 512, 4), axis=(1, 3))
    _, _, after = data.kept["sky"][FRAME]
    figure, axes = panels(2, size=4.4, height=4.2)
    for one, image, title in (
        (axes[0], before, "Calibrated exposure"), (axes[1], after, "Sky subtracted")
    ):  # fmt: skip
        middle = np.nanmedian(image)
        drawn = one.imshow(
            image,
            origin="lower",
            cmap="gray_r",
            vmin=middle - 0.07 * abs(middle) if middle > 500 else -20,
            vmax=middle * 1.1 if middle > 500 else 60,
        )
        one.set_title(title, fontsize="medium")
        one.set(xticks=[], yticks=[])
        figure.colorbar(drawn, ax=one, label="ADU", shrink=0.8)
    return figure


def draw_sky_residuals(data: Data) -> Figure:
    """What the sky leaves in each exposure, before and after the residual is removed."""
    number = FIELD.n_exposures
    # Of the first pass: later ones find only what it has left of the residual.
    residuals = data.read("plain.pickle")["sky"]
    figure, axes = panels(2 * number, rows=4, size=1.45, height=1.6)
    order = np.arange(2 * number).reshape(4, 7)
    for k in range(number):
        row, column = 2 * (k // 7), k % 7
        for step, place in enumerate((order[row, column], order[row + 1, column])):
            image = residuals[k][step]
            drawn = deviation(axes[place], image, limit=20)
            rms = 1.4826 * np.nanmedian(abs(image - np.nanmedian(image)))
            axes[place].set_title(
                f"{k + 1}: {rms:.1f} ADU" if step == 0 else f"{rms:.1f} ADU", fontsize="small"
            )
        axes[order[row, 0]].set_ylabel("sky model", fontsize="small")
        axes[order[row + 1, 0]].set_ylabel("and residual", fontsize="small")
    figure.colorbar(drawn, ax=axes.tolist(), label="ADU", shrink=0.6, aspect=40)
    return figure


def draw_galaxy(data: Data) -> Figure:
    """Extended target with and without sky from beside it."""
    images = data.read("galaxy.pickle")
    figure, axes = panels(3, size=3.6, height=3.9)
    sky_image(axes[0], images["frame"], "One exposure", high=30)
    sky_image(axes[1], images["alone"], "Sky of its own exposures", level=0, sigma=6)
    sky_image(axes[2], images["beside"], "Sky from beside it", level=0, sigma=6)
    return figure


def draw_illumination(data: Data) -> Figure:
    """Response that the flat lacks: true, found, and the fluxes of the stars."""
    found, zero_points, stars = data.kept["illumination"]
    true = FIELD.truth.illumination[::8, ::8]
    figure, axes = panels(4, size=3.2, height=3.6)
    for one, image, title, limit in (
        (axes[0], true / true.mean() - 1, "True", 3.0),
        (axes[1], found / found.mean() - 1, "Found", 3.0),
        (axes[2], (found / found.mean()) / (true / true.mean()) - 1, "Ratio", 0.5),
    ):
        drawn = deviation(one, 100 * image, title, limit=limit)
        figure.colorbar(drawn, ax=one, label="%", location="bottom", shrink=0.8, pad=0.02)
    response = np.log(found[(stars.y / 8).astype(int), (stars.x / 8).astype(int)])
    flux = np.log(stars.flux) - zero_points[stars.frame]
    bright = stars.error < 0.005 * stars.flux
    bins = np.linspace(-0.1, 0.1, 81)
    for values, name, color in (
        (flux, "as measured", "0.6"),
        (flux - response, "corrected", RED),
    ):
        rest = _less_median(values, stars.star)[bright]
        scatter = 148.26 * np.median(abs(rest - np.median(rest)))
        axes[3].hist(100 * rest, 100 * bins, histtype="step", color=color, lw=1.5,
                     label=f"{name}: {scatter:.2f} %")  # fmt: skip
    axes[3].set(xlabel="flux of a star relative to its median (%)", ylabel="number", xlim=(-5, 5))
    axes[3].legend(frameon=False, fontsize="small", loc="upper left")
    axes[3].set_ylim(top=1.25 * axes[3].get_ylim()[1])
    return figure


def draw_alignment(data: Data) -> Figure:
    """Errors of the positions by the header and as solved."""
    figure, axes = panels(2, size=4.4, height=4.2)
    for one, errors, title, digits in zip(
        axes, data.read("plain.pickle")["places"], ("Header", "Aligned"), (0, 1), strict=True
    ):
        shown = errors - errors.mean(axis=(0, 2), keepdims=True)
        colors = np.repeat(np.arange(len(shown)) + 1, shown.shape[2])
        drawn = one.scatter(
            shown[:, 0].ravel(), shown[:, 1].ravel(), c=colors, s=9, cmap="viridis", lw=0
        )
        rms = np.sqrt(np.mean(shown**2))
        one.set(
            title=f"{title}: rms {rms:.{digits}f} mas per axis",
            xlabel="error to the east (mas)",
            aspect=1,
        )
        limit = 1.1 * abs(shown).max()
        one.set(xlim=(-limit, limit), ylim=(-limit, limit))
        one.axhline(0, color="0.8", zorder=0)
        one.axvline(0, color="0.8", zorder=0)
    axes[0].set_ylabel("error to the north (mas)")
    figure.colorbar(drawn, ax=axes, label="exposure", shrink=0.8)
    return figure


def draw_rejection(data: Data) -> Figure:
    """Mosaic as a plain mean, and with rejection."""
    plain = read_mosaic(data.directory / "plain.fits")
    figure, axes = panels(2, size=4.4, height=4.6)
    box = _crowded(plain.data - data.mosaic.data > 60, 300)
    for one, mosaic, title in (
        (axes[0], plain, "Mean of all exposures"), (axes[1], data.mosaic, "Outliers rejected"),
    ):  # fmt: skip
        image = np.where(mosaic.mask, np.nan, mosaic.data)[box]
        sky_image(one, image, title, sigma=8, high=60)
    return figure


def draw_objects(data: Data) -> Figure:
    """Mosaic and the mask, around the brightest star."""
    objects, mosaic = data.kept["objects"], data.mosaic
    figure, axes = panels(2, size=4.4, height=4.6)
    brightest = FIELD.truth.catalogue[0]
    x, y = mosaic.grid.wcs.world_to_pixel_values(
        brightest["ra"].to_value(u.deg), brightest["dec"].to_value(u.deg)
    )
    shown = np.where(mosaic.mask, np.nan, mosaic.data)
    image = Cutout2D(shown, (x, y), 420, mode="partial").data
    mask = Cutout2D(objects.mask.astype(float), (x, y), 420, mode="partial", fill_value=0).data
    for one in axes:
        sky_image(one, image, "Mosaic around the brightest star", level=0, sigma=8, high=60)
    axes[1].imshow(np.where(mask > 0, 1.0, np.nan), origin="lower", cmap="autumn", alpha=0.25)
    outline(axes[1], mask)
    axes[1].set_title("Masked", fontsize="medium")
    return figure


def draw_mosaic(data: Data) -> Figure:
    """Mosaic and coverage, as ``emirimg reduce`` draws them."""
    figure = plot_mosaic(data.mosaic, data.kept["objects"])
    figure.set_dpi(90)
    return figure


def draw_noise(data: Data) -> Figure:
    """Noise against aperture."""
    figure = plot_noise_curve(data.kept["quality"])
    figure.set_dpi(100)
    return figure


PICTURES = {
    "bad_pixels": draw_bad_pixels,
    "cosmic_rays": draw_cosmic_rays,
    "trail": draw_trail,
    "persistence": draw_persistence,
    "sky": draw_sky,
    "sky_residuals": draw_sky_residuals,
    "galaxy": draw_galaxy,
    "illumination": draw_illumination,
    "alignment": draw_alignment,
    "projection": lambda _: draw_projection(),
    "rejection": draw_rejection,
    "objects": draw_objects,
    "mosaic": draw_mosaic,
    "noise": draw_noise,
}


def _less_median(values: Any, groups: Any) -> Any:
    """Return values less the median of their group."""
    medians = {group: np.median(values[groups == group]) for group in np.unique(groups)}
    return values - np.array([medians[group] for group in groups])


def _crowded(places: Any, size: int) -> Any:
    """Return the box of that size that holds the most of some pixels."""
    density = uniform_filter(places.astype(np.float32), size, mode="constant")
    half = size // 2
    inside = density[half:-half, half:-half]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    return np.s_[y : y + size, x : x + size]


def main() -> None:
    """Draw all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="keeps the reduced scenes")
    parser.add_argument("--only", choices=list(PICTURES), action="append")
    options = parser.parse_args()
    data = Data(options.directory)
    for name in options.only or PICTURES:
        save(PICTURES[name](data), Path(__file__).with_name(f"{name}.png"))


if __name__ == "__main__":
    main()

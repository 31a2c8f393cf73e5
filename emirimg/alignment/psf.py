"""The point spread function of a frame or a mosaic: one Moffat profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._robust_fit import robust_fit
from .star_list import StarList

__all__ = ["MoffatPSF", "measure_psf", "psf_stars"]

_LEAST_SN = 30.0
_FEW = 10
_LEAST_OF_FEW = 0.4
"""Part of the least S/N that is enough where fewer than ten stars have it."""
_BETAS = (1.2, 200.0)
_TINY = 1e-3
_UNKNOWN_PARTS = 0.02
"""Part of the peak by which a star may differ from a Moffat profile."""


@dataclass(frozen=True)
class MoffatPSF:
    """An elliptical Moffat profile, as it is sampled by pixels.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum, geometric mean of both axes, in pixels;
        NaN if there was no star.
    beta : float
        Exponent: the profile is ``(1 + (r / alpha)**2)**-beta``.
    ellipticity : float
        1 - b/a.
    angle : float
        Direction of the major axis, in radians from the x axis to the y axis.
    n_stars : int
        How many stars the profile was fitted to.

    Examples
    --------
    >>> from emirimg.alignment import MoffatPSF
    >>> psf = MoffatPSF(fwhm=4.0, beta=3.0, ellipticity=0.0, angle=0.0, n_stars=40)
    >>> round(float(psf.alpha), 2)
    3.92
    >>> [round(float(psf.enclosed(radius)), 3) for radius in (2, 4, 10)]
    [0.37, 0.76, 0.982]
    """

    fwhm: float
    beta: float
    ellipticity: float
    angle: float
    n_stars: int

    @property
    def alpha(self) -> float:
        """Core radius, in pixels."""
        return self.fwhm / (2 * np.sqrt(2 ** (1 / self.beta) - 1))

    def enclosed(self, radius: float) -> float:
        """Return the part of the light within a circle, neglecting ellipticity."""
        return float(1 - (1 + (radius / self.alpha) ** 2) ** (1 - self.beta))


def psf_stars(stars: StarList, *, max_stars: int = 40, least_sn: float = _LEAST_SN) -> StarList:
    """Choose the bright, isolated and round stars of the common width.

    Parameters
    ----------
    stars : StarList
        The stars of a frame.
    max_stars : int, optional
        How many to choose at most. Default: 40.
    least_sn : float, optional
        Least ratio of the flux to its error; down to 0.4 of it while there are
        fewer than ten such stars. Default: 30.

    Returns
    -------
    StarList
        The chosen stars, the brightest first.

    Notes
    -----
    Galaxies are only wider than stars, and in sparse fields they may be more. So
    the width of the stars is the narrowest that at least half as many sources share,
    within 10 %, as share the commonest one.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import find_stars, psf_stars
    >>> y, x = np.mgrid[:150, :150]
    >>> image = np.random.default_rng(1).normal(0, 2, x.shape)
    >>> for x0, y0, peak in ((30.2, 40.5, 3000), (110.7, 35.1, 2000), (75.4, 118.9, 12)):
    ...     image += peak * (1 + ((x - x0) ** 2 + (y - y0) ** 2) / 3.92**2) ** -3
    >>> stars = psf_stars(find_stars(image.astype("f4")))
    >>> stars.x.round().tolist()  # the third is too faint
    [30.0, 111.0]
    """
    known = np.isfinite(stars.fwhm) & np.isfinite(stars.ellipticity)
    usable = stars.select(stars.good & known)
    ratio = usable.flux / usable.flux_error
    tenth = np.sort(ratio)[-_FEW] if len(ratio) >= _FEW else 0.0
    usable = usable.select(ratio > np.clip(tenth, _LEAST_OF_FEW * least_sn, least_sn))
    if len(usable) < 2:
        return usable
    width = _narrowest(usable.fwhm[: 3 * max_stars])
    for _ in range(5):
        width = np.median(usable.fwhm[np.abs(usable.fwhm / width - 1) < 0.2])
    usable = usable.select(np.abs(usable.fwhm / width - 1) < 0.1)
    return usable.select(slice(max_stars))


def _narrowest(widths: NDArray[np.float64]) -> float:
    """Return the narrowest width that is common."""
    alike = (np.abs(widths / widths[:, None] - 1) < 0.1).sum(axis=1)
    return float(widths[2 * alike >= alike.max()].min())


def measure_psf(
    data: NDArray[np.float32], mask: NDArray[np.bool_] | None, stars: StarList
) -> MoffatPSF:
    """Fit one elliptical Moffat profile to the stars of an image.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Shape (ny, nx), axis order (y, x).
    mask : `~numpy.ndarray` of bool or None
        True where a pixel must not be used.
    stars : StarList
        The stars of the image; the best are chosen by `psf_stars`.

    Returns
    -------
    MoffatPSF
        NaN in every number, and 0 stars, if no star is good enough.

    Notes
    -----
    All pixels within 2.5 FWHM of all chosen stars, divided by the flux of the
    star, are fitted together by robust least squares. The profile is that of
    the values of pixels, so it is broadened by the pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.alignment import find_stars, measure_psf
    >>> y, x = np.mgrid[:150, :150]
    >>> image = np.random.default_rng(1).normal(0, 2, x.shape)
    >>> for x0, y0 in ((30.2, 40.5), (110.7, 35.1), (75.4, 118.9)):
    ...     image += 3000 * (1 + ((x - x0) ** 2 + (y - y0) ** 2) / 3.92**2) ** -3
    >>> image = image.astype("f4")
    >>> psf = measure_psf(image, None, find_stars(image))
    >>> print(f"{psf.fwhm:.1f} {psf.beta:.1f} {psf.n_stars}")
    4.0 3.0 3
    """
    chosen = psf_stars(stars)
    if len(chosen) == 0:
        return MoffatPSF(np.nan, np.nan, np.nan, np.nan, 0)
    width = float(np.median(chosen.fwhm))
    dx, dy, values, sigma = _pixels(data, mask, chosen, 2.5 * width)
    peak, inner = np.max(values), (2 / width) ** 2
    error = np.hypot(sigma, _UNKNOWN_PARTS * peak)

    def model(p: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        profile, slopes = _moffat(p, dx, dy)
        return (profile - values) / error, slopes / error

    fit = robust_fit(
        model,
        np.array([peak, 0.0, inner, 0.0, inner, 1 / 3]),
        np.array([0.0, -np.inf, 0.0, -np.inf, 0.0, 1 / _BETAS[1]]),
        np.array([np.inf, np.inf, np.inf, np.inf, np.inf, 1 / _BETAS[0]]),
    )
    _, _, cxx, cxy, cyy, inverse_beta = fit
    inverse_squares, axes = np.linalg.eigh([[cxx, cxy], [cxy, cyy]])
    if not inverse_squares[0] > 0:
        return MoffatPSF(np.nan, np.nan, np.nan, np.nan, 0)
    fwhms = 2 / np.sqrt(inverse_squares)
    angle = np.arctan2(axes[1, 0], axes[0, 0]) % np.pi
    return MoffatPSF(
        float(np.sqrt(np.prod(fwhms))),
        float(1 / inverse_beta),
        float(1 - fwhms[1] / fwhms[0]),
        float(angle),
        len(chosen),
    )


def _pixels(
    data: NDArray[np.float32], mask: NDArray[np.bool_] | None, stars: StarList, radius: float
) -> NDArray[np.float64]:
    """Return dx, dy, values and errors of pixels near stars, in units of their fluxes."""
    near = np.arange(-int(radius) - 1, int(radius) + 2)
    x, y = (np.round(c).astype(int)[:, None] + near for c in (stars.x, stars.y))
    dx, dy = x - stars.x[:, None], y - stars.y[:, None]
    keep = dx[:, None] ** 2 + dy[:, :, None] ** 2 <= radius**2
    keep &= ((x >= 0) & (x < data.shape[1]))[:, None] & ((y >= 0) & (y < data.shape[0]))[
        :, :, None
    ]
    star, j, i = np.nonzero(keep)
    place = y[star, j], x[star, i]
    values, flux = (data[place] - stars.background[star]) / stars.flux[star], stars.flux[star]
    pixels = np.array([dx[star, i], dy[star, j], values, stars.noise / flux])
    good = np.isfinite(values)
    if mask is not None:
        good &= ~mask[place]
    return pixels[:, good]


def _moffat(
    p: NDArray[np.float64], dx: NDArray[np.float64], dy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a profile and its slopes with the parameters, shapes (n,) and (6, n).

    The parameters are peak, level, the inverse squares of the half width, and 1 / beta. They
    hardly depend on each other, up to a Gaussian (1 / beta = 0).
    """
    peak, base, cxx, cxy, cyy, g = p
    xx, xy, yy = dx * dx, 2 * dx * dy, dy * dy
    radius = cxx * xx + cxy * xy + cyy * yy
    steep = 2**g - 1
    q = np.maximum(1 + steep * radius, _TINY)
    log_q = np.log(q)
    profile = np.exp(log_q / -g)
    light = peak * profile
    inner = (-steep / g) * light / q
    outer = light * (log_q / g**2 - (2**g * np.log(2) / g) * radius / q)
    slopes = [profile, np.ones_like(q), inner * xx, inner * xy, inner * yy, outer]
    return base + light, np.array(slopes)

"""The illumination is recovered from simulated fluxes with a known answer."""

from dataclasses import replace

import numpy as np
import pytest

from emirimg.flat import StarFlat, StarMeasurements

SHAPE = (512, 512)
CENTRE = 255.5


def illumination(x, y):
    u, v = (x - CENTRE) / 256, (y - CENTRE) / 256
    return 1 + 0.01 * u - 0.012 * v - 0.012 * (u**2 + v**2) + 0.006 * u * v


def ring(x, y):
    r = np.hypot(x - CENTRE, y - CENTRE)
    return 0.1 * np.exp(-0.5 * ((r - 125) / 22) ** 2)


def measure(response, *, n_stars=300, seed=1, n_frames=14, zero_points=0.015, dither=45):
    """Return what an ideal photometer sees of a dither through ``response``."""
    rng = np.random.default_rng(seed)
    offsets = np.tile(rng.uniform(-dither, dither, (7, 2)), (2, 1))[:n_frames]
    level = np.exp(rng.normal(0, zero_points, n_frames))
    x0, y0 = rng.uniform(-20, 532, (2, n_stars))
    brightness = 10 ** rng.uniform(3.5, 5.5, n_stars)
    columns = []
    for frame, (dx, dy) in enumerate(offsets):
        x, y = x0 + dx, y0 + dy
        star = np.flatnonzero((x > 5) & (x < 506) & (y > 5) & (y < 506))
        x, y = x[star], y[star]
        flux = brightness[star] * level[frame] * response(x, y)
        error = np.hypot(150, np.sqrt(flux / 5))
        flux = flux + rng.normal(0, error)
        columns.append((star, np.full(len(star), frame), x, y, flux, error))
    return StarMeasurements(*map(np.concatenate, zip(*columns, strict=True))), level


def blocks(sky):
    centres = (np.arange(64) + 0.5) * 8 - 0.5
    return sky(*np.meshgrid(centres, centres))


def error_of(found, response):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ratio = found.image / response(x, y)
    return ratio.std() / ratio.mean()


@pytest.fixture(scope="module")
def sky():
    return blocks(lambda x, y: illumination(x, y) + ring(x, y))


def test_the_response_is_found_and_the_ring_is_not_part_of_it(sky):
    stars, level = measure(illumination)
    found = StarFlat()(stars, SHAPE, sky=sky)
    assert error_of(found, illumination) < 0.001
    assert error_of(found, illumination) < 0.1 * error_of_none()
    assert not found.ring_multiplies
    assert found.image.dtype == np.float32
    assert found.image.mean() == pytest.approx(1, abs=1e-5)
    expected = np.log(level) - np.log(level).mean()
    np.testing.assert_allclose(found.zero_points - found.zero_points.mean(), expected, atol=0.002)


def error_of_none():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return illumination(x, y).std()


def test_a_ring_that_the_stars_see_is_part_of_the_response():
    def response(x, y):
        return illumination(x, y) * (1 + ring(x, y))

    stars, _ = measure(response)
    found = StarFlat()(stars, SHAPE, sky=blocks(response))
    assert found.ring_multiplies
    assert error_of(found, response) < 0.003


def test_no_response_is_invented():
    stars, _ = measure(lambda x, _y: np.ones_like(x))
    found = StarFlat()(stars, SHAPE, sky=blocks(lambda x, y: 1 + ring(x, y)))
    assert found.image.std() < 0.001
    assert np.abs(found.image - 1).max() < 0.0025


def test_without_a_sky_the_gradient_stays_unknown_and_is_left_alone():
    def gradient(x, _y):
        return 1 + 0.02 * (x - CENTRE) / 256

    stars, _ = measure(gradient)
    found = StarFlat()(stars, SHAPE)
    assert np.abs(found.image - 1).max() < 0.004


def test_outliers_do_no_harm(sky):
    stars, _ = measure(illumination)
    flux = stars.flux.copy()
    flux[::40] *= 1.5
    spoilt = StarMeasurements(stars.star, stars.frame, stars.x, stars.y, flux, stars.error)
    assert error_of(StarFlat()(spoilt, SHAPE, sky=sky), illumination) < 0.0015


def test_with_too_few_stars_the_sky_alone_tells_the_gradient(sky):
    stars, _ = measure(illumination, n_stars=8)
    found = StarFlat()(stars, SHAPE, sky=sky)
    assert found.degree == 1
    assert found.scatter == {}
    assert found.n_stars <= 8
    assert error_of(found, illumination) < 0.7 * error_of_none()
    found = StarFlat()(stars, SHAPE)
    assert found.degree == 0
    assert (found.image == 1).all()


def tilted(x, y):
    return 1 + 0.016 * (x - CENTRE) / 256 + 0.009 * (y - CENTRE) / 256


def shifted_ring(x, y, *, lopsided=0.0):
    """Return a strong ring about another centre, somewhat elliptical."""
    u, v = (x - CENTRE - 12) / 1.06, (y - CENTRE + 7) * 1.06
    return 0.2 * np.exp(-0.5 * ((np.hypot(u, v) - 155) / 26) ** 2) * (1 + lopsided * u / 155)


@pytest.mark.parametrize("n_stars", [300, 40, 4])
@pytest.mark.parametrize("lopsided", [0, 0.2])
def test_a_tilt_is_seen_in_the_sky_whatever_ring_lies_over_it(n_stars, lopsided):
    stars, _ = measure(tilted, n_stars=n_stars)
    total = blocks(lambda x, y: tilted(x, y) + shifted_ring(x, y, lopsided=lopsided))
    assert error_of(StarFlat()(stars, SHAPE, sky=total), tilted) < 0.0006


def test_a_crooked_ring_is_no_tilt():
    stars, _ = measure(lambda x, _y: np.ones_like(x))
    total = blocks(lambda x, y: 1 + shifted_ring(x, y, lopsided=0.2))
    assert StarFlat()(stars, SHAPE, sky=total).image.std() < 0.0006


def test_a_crooked_ring_that_the_stars_see_is_part_of_the_response():
    def response(x, y):
        return illumination(x, y) * (1 + shifted_ring(x, y, lopsided=0.2))

    stars, _ = measure(response, n_stars=500)
    found = StarFlat()(stars, SHAPE, sky=blocks(response))
    assert found.ring_multiplies
    assert error_of(found, response) < 0.007


def test_a_catalogue_overrules_a_gradient_of_the_sky_itself():
    stars, _ = measure(lambda x, _y: np.ones_like(x))
    total = blocks(lambda x, _y: 1 + 0.02 * (x - CENTRE) / 256)
    assert StarFlat()(stars, SHAPE, sky=total).image.std() > 0.008
    magnitude = np.full(300, np.nan)
    for star in np.unique(stars.star):
        magnitude[star] = -2.5 * np.log10(np.median(stars.flux[stars.star == star]))
    tied = StarMeasurements(
        stars.star, stars.frame, stars.x, stars.y, stars.flux, stars.error, magnitude
    )
    assert StarFlat()(tied, SHAPE, sky=total).image.std() < 0.003


def test_no_star_at_all():
    nothing = StarMeasurements(*[np.array([], dtype=int)] * 2, *[np.array([])] * 4)
    found = StarFlat()(nothing, SHAPE)
    assert found.degree == 0
    assert found.n_stars == 0


def test_no_star_at_all_but_a_sky(sky):
    nothing = StarMeasurements(*[np.array([], dtype=int)] * 2, *[np.array([])] * 4)
    found = StarFlat()(nothing, SHAPE, sky=sky)
    assert found.degree == 1
    assert error_of(found, illumination) < 0.7 * error_of_none()


def test_min_stars_changes_the_result(sky):
    stars, _ = measure(illumination)
    assert StarFlat(min_stars=1000)(stars, SHAPE, sky=sky).degree == 1


def test_degrees_change_the_result(sky):
    stars, _ = measure(illumination)
    assert {StarFlat(degrees=(n,))(stars, SHAPE, sky=sky).degree for n in (3, 5)} == {3, 5}


def test_min_gain_changes_the_result():
    stars, _ = measure(illumination)
    assert StarFlat()(stars, SHAPE).degree > 1
    assert StarFlat(min_gain=1e3)(stars, SHAPE).degree == 0


def test_every_model_that_was_tried_is_reported(sky):
    stars, _ = measure(illumination)
    found = StarFlat(degrees=(2, 3))(stars, SHAPE, sky=sky)
    tried = {(0, False), (1, False), (2, False), (3, False), (found.degree, True)}
    assert set(found.scatter) == tried
    assert found.scatter[2, False] < found.scatter[0, False]


def test_a_catalogue_knows_the_gradient():
    def gradient(x, _y):
        return 1 + 0.02 * (x - CENTRE) / 256

    stars, _ = measure(gradient)
    brightness = np.random.default_rng(1)
    brightness.uniform(-45, 45, (7, 2))
    brightness.normal(0, 0.015, 14)
    brightness.uniform(-20, 532, (2, 300))
    magnitude = 20 - 2.5 * brightness.uniform(3.5, 5.5, 300)
    noise = np.random.default_rng(2).normal(0, 0.03, 300)
    tied = StarMeasurements(
        stars.star, stars.frame, stars.x, stars.y, stars.flux, stars.error,
        magnitude + noise, np.full(300, 0.03),
    )  # fmt: skip
    found = StarFlat()(tied, SHAPE)
    assert error_of(found, gradient) < 0.003
    assert len(found.zero_points) == 14
    # Stars that the catalogue does not know are used as before.
    magnitude[::2] = np.nan
    half = StarMeasurements(
        stars.star, stars.frame, stars.x, stars.y, stars.flux, stars.error, magnitude
    )
    assert error_of(StarFlat()(half, SHAPE), gradient) < 0.003


def test_a_few_faint_stars_improve_on_the_gradient():
    def vignetted(x, y):
        u, v = (x - CENTRE) / 256, (y - CENTRE) / 256
        return 1 - 0.02 * np.maximum(u + v - 0.4, 0) - 0.008 * (u**2 + v**2)

    sky = blocks(lambda x, y: vignetted(x, y) + ring(x, y))
    errors = []
    for seed in range(5):
        stars, _ = measure(vignetted, seed=seed, n_stars=60)
        stars = replace(stars, error=np.hypot(stars.error, 0.012 * stars.flux))
        noise = np.random.default_rng(seed).normal(0, 0.012, len(stars.flux))
        stars = replace(stars, flux=stars.flux * (1 + noise))
        plane = StarFlat(min_stars=1000)(stars, SHAPE, sky=sky)
        errors.append(
            (error_of(StarFlat()(stars, SHAPE, sky=sky), vignetted), error_of(plane, vignetted))
        )
    found, gradient = np.mean(errors, axis=0)
    assert found < 0.7 * gradient


@pytest.mark.parametrize(
    "poor",
    [{"n_stars": 60}, {"n_frames": 5}, {"dither": 8}, {"n_stars": 60, "n_frames": 5, "dither": 8}],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_poor_sequences_are_never_made_worse(sky, poor, seed):
    stars, _ = measure(illumination, seed=seed, **poor)
    # Where nothing is corrected the error is that of none.
    assert error_of(StarFlat()(stars, SHAPE, sky=sky), illumination) <= 1.03 * error_of_none()
    stars, _ = measure(lambda x, _y: np.ones_like(x), seed=seed, **poor)
    found = StarFlat()(stars, SHAPE, sky=blocks(lambda x, y: 1 + ring(x, y)))
    assert found.image.std() < 0.003

"""Tables of a reduction."""

import pytest

from emirimg.report import frame_table, mosaic_table, summary_text

FRAME = {
    "name": "0001877553-20181217-EMIR-STARE_IMAGE.fits",
    "start": "2018-12-17T23:57:24.720",
    "shift": [-6.12, 10.26],
    "residual": 0.0041,
    "n_matched": 312,
    "method": "stars",
    "sky_level": 3012.3,
    "transparency": 0.987,
    "fwhm": 0.81,
    "ellipticity": 0.03,
    "noise": 25.1,
    "bad_fraction": 0.011,
    "rejected_fraction": 0.0004,
    "weight": 0.99,
}
SUMMARY = {
    "object": "M[31]",
    "filter": "F1230",
    "n_exposures": 14,
    "total_exposure_time": 419.99,
    "shape": [2300, 2250],
    "pixel_scale": 0.19431,
    "area": 55.23,
    "quality": {"seeing": 0.812, "ellipticity": 0.02, "correlated_noise": 1.1, "depth": None},
    "frames": [FRAME, {**FRAME, "name": "data/0001877559-20181217-EMIR-STARE_IMAGE.fits"}],
}


def test_text_has_the_numbers():
    text = summary_text(SUMMARY)
    assert "0001877553" in text
    assert "STARE_IMAGE" not in text  # all names end like that
    for number in ("-6.1 +10.3", "312", "4.1", "3012", "0.81", "0.987", "1.1 0.04", "0.99"):
        assert number in text
    assert "2250 x 2300 pixels of 0.1943 arcsec" in text
    assert "14, 420 s in all" in text
    assert "55.2 arcmin2" in text


def test_text_fits_a_terminal():
    assert max(map(len, summary_text(SUMMARY).splitlines())) <= 80


def test_nothing_is_cut_off():
    assert "\u2026" not in summary_text(SUMMARY)


def test_unknown_quantities():
    frame = {**FRAME, "residual": None, "fwhm": None}
    text = summary_text({**SUMMARY, "frames": [frame]})
    assert text.count(" - ") >= 2
    assert "depth" not in text


def test_one_line_for_each_exposure():
    assert frame_table(SUMMARY["frames"]).row_count == 2


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["a-1-X.fits", "a-2-X.fits"], ["a-1", "a-2"]),
        (["one.fits"], ["one"]),
        (["frame 1", "frame 2"], ["frame 1", "frame 2"]),
        (["a-X.fits", "a-X.fits"], ["a", "a"]),
        (["a-X.fits", "X.fits"], ["a-X", "X"]),
    ],
)
def test_names_are_shortened(names, shown):
    table = frame_table([{**FRAME, "name": name} for name in names])
    assert list(table.columns[0].cells) == shown


def test_names_are_no_markup():
    assert "M[31], F1230" in summary_text(SUMMARY)
    assert mosaic_table(SUMMARY).row_count == 7


def test_exposures_left_out_and_effective_time():
    assert "left out" not in summary_text(SUMMARY)
    text = summary_text({**SUMMARY, "n_left_out": 2, "effective_exposure_time": 301.4})
    assert "2 exposures" in text
    assert "301 s in the best conditions" in text

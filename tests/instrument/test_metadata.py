import astropy.units as u
import pytest
from astropy.io.fits import Header

from emirimg.exceptions import MetadataError
from emirimg.instrument import H2RG, HAWAII2, read_metadata


@pytest.fixture
def header():
    return Header(
        {
            "OBJECT": " TEST ",
            "FILTER": "F1230",
            "GRISM": "OPEN",
            "READMODE": "ramp",
            "EXPTIME": 30.0,
            "DATE-OBS": "2018-12-17T23:57:24.72",
            "AIRMASS": 1.3,
            "OBSBLOCK": 1,
            "IMGOBBL": 2,
            "NIMGOBBL": 7,
            "EXP": 1,
            "NEXP": 3,
        }
    )


def test_keywords_are_typed(header):
    metadata = read_metadata(header)
    assert metadata.object_name == "TEST"
    assert metadata.read_mode == "RAMP"
    assert metadata.exposure_time == 30 * u.s
    assert metadata.detector is HAWAII2
    assert (metadata.block, metadata.position, metadata.n_positions) == (1, 2, 7)
    assert (metadata.repeat, metadata.n_repeats) == (1, 3)
    assert (metadata.middle - metadata.start).to_value("s") == pytest.approx(15)
    assert (metadata.end - metadata.start).to_value("s") == pytest.approx(30)


def test_defaults_of_the_detector_are_said_to_be_defaults(header):
    metadata = read_metadata(header)
    assert (metadata.gain, metadata.gain_source) == (HAWAII2.gain, "default")
    header["GAIN"], header["RDNOISE"] = 3.5, 7.0
    metadata = read_metadata(header)
    assert (metadata.gain, metadata.gain_source) == (3.5, "header")
    assert (metadata.read_noise, metadata.read_noise_source) == (7.0, "header")


def test_the_configuration_goes_before_the_date(header):
    header["INSCONF"] = H2RG.uuid
    assert read_metadata(header).detector is H2RG
    header["INSCONF"] = "something else"
    assert read_metadata(header).detector is HAWAII2


@pytest.mark.parametrize("airmass", [0.0, -1.0, "x", 1e9])
def test_an_impossible_airmass_is_no_airmass(header, airmass):
    header["AIRMASS"] = airmass
    assert read_metadata(header).airmass is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("EXPTIME", None, "a.fits: keyword EXPTIME is missing; a time in seconds"),
        ("EXPTIME", -3.0, "a.fits: keyword EXPTIME is -3.0; a positive number"),
        ("EXPTIME", "long", "a.fits: keyword EXPTIME is 'long'; a positive number"),
        ("GAIN", 0.0, "a.fits: keyword GAIN is 0.0; a positive number"),
        ("DATE-OBS", None, "a.fits: keyword DATE-OBS is missing; a date such as"),
        ("DATE-OBS", "yesterday", "a.fits: keyword DATE-OBS is 'yesterday'; a date"),
        ("DATE-OBS", "2023-05-01T00:00:00", "a.fits: keyword DATE-OBS: EMIR had no detector"),
    ],
)
def test_what_the_reduction_needs_must_be_there(header, key, value, message):
    if value is None:
        del header[key]
    else:
        header[key] = value
    with pytest.raises(MetadataError, match=message):
        read_metadata(header, source="a.fits")

"""Small files of the kind that the telescope delivers."""

import numpy as np
from astropy.io import fits

SIZE = 32


def exposure_header(**keywords):
    """Header of a raw exposure, of a small window of the detector."""
    header = fits.Header()
    header["INSTRUME"] = "EMIR"
    header["OBJECT"] = "TEST"
    header["NOBSBLCK"] = 18
    header["OBSBLOCK"] = 1
    header["NIMGOBBL"] = 7
    header["IMGOBBL"] = 1
    header["NEXP"] = 1
    header["EXP"] = 1
    header["EXPTIME"] = 29.99926
    header["READMODE"] = "RAMP"
    header["FILTER"] = "F1230"
    header["GRISM"] = "OPEN"
    header["DATE-OBS"] = "2018-12-17T23:57:24.72"
    header["MJD-OBS"] = 58469.99820278
    header["RA"] = "02:39:54.057"
    header["DEC"] = "-01:34:33.537"
    header["DETSEC"] = f"[1:{SIZE},1:{SIZE}]"
    header["CTYPE1"] = "RA---ZPN"
    header["CTYPE2"] = "DEC--ZPN"
    header["CRVAL1"] = 39.97
    header["CRVAL2"] = -1.576
    header["CRPIX1"] = SIZE / 2
    header["CRPIX2"] = SIZE / 2
    header["CD1_1"] = -5.396e-5
    header["CD1_2"] = 1.0e-7
    header["CD2_1"] = 2.0e-7
    header["CD2_2"] = 5.396e-5
    header["PV2_1"] = 1.0
    header["PV2_3"] = 14584.8
    header["PV2_4"] = 6.9e-310
    header["PV2_5"] = 1755295542.4
    header["RADESYS"] = "FK5"
    header["EQUINOX"] = 2000.0
    for key, value in keywords.items():
        name = key.replace("_OBS", "-OBS").replace("NUM_", "NUM-")
        if value is None:
            del header[name]
        else:
            header[name] = value
    return header


def write_exposure(path, data=None, *, n_extensions=0, **keywords):
    """Write a raw exposure; keywords replace those of the header (None: removes)."""
    if data is None:
        data = np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    hdus = [fits.PrimaryHDU(data, exposure_header(**keywords))]
    hdus += [fits.ImageHDU(np.zeros((3, 3))) for _ in range(n_extensions)]
    fits.HDUList(hdus).writeto(path)
    return path

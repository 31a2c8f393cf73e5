"""The errors and warnings of emirimg, in one family each."""

from __future__ import annotations

from astropy.utils.exceptions import AstropyUserWarning

__all__ = [
    "AlignmentError",
    "AlignmentWarning",
    "CalibrationError",
    "CalibrationWarning",
    "EmirimgError",
    "EmirimgWarning",
    "FrameError",
    "InputError",
    "MetadataError",
    "MetadataWarning",
    "MixedExposuresError",
    "PartialFailureError",
    "QualityWarning",
    "SkyError",
    "SkyWarning",
    "UnusableExposureError",
    "WorkerError",
]


class EmirimgError(Exception):
    """Base class of every error that emirimg raises on purpose.

    Examples
    --------
    >>> from emirimg.exceptions import EmirimgError, SkyError
    >>> try:
    ...     raise SkyError("exposure 3: no pixel without an object is left")
    ... except EmirimgError as error:  # whatever went wrong
    ...     print(error)
    exposure 3: no pixel without an object is left
    """


class InputError(EmirimgError):
    """A parameter file, a list of files or an option is not usable.

    Examples
    --------
    >>> from emirimg.exceptions import InputError
    >>> from emirimg.io import find_exposures
    >>> try:
    ...     find_exposures("no/such/directory")
    ... except InputError as error:
    ...     print(error)
    no/such/directory: no such file; a raw EMIR exposure (FITS) was expected
    """


class FrameError(EmirimgError):
    """A FITS file cannot be used as an exposure or a calibration.

    Examples
    --------
    >>> from emirimg.exceptions import FrameError
    >>> from emirimg.io import read_frame
    >>> try:
    ...     read_frame("missing.fits")
    ... except FrameError as error:
    ...     print(error)
    missing.fits: no such file; a raw EMIR exposure (FITS) was expected
    """


class UnusableExposureError(FrameError):
    """Hardly a pixel of an exposure is usable.

    Examples
    --------
    >>> from emirimg.dither import ExposureReducer
    >>> from emirimg.exceptions import UnusableExposureError
    >>> from emirimg.simulation import Scene
    >>> raw = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(0)
    >>> raw.data[:20] = 65000
    >>> try:
    ...     ExposureReducer()(raw, name="e1.fits")
    ... except UnusableExposureError as error:
    ...     print(error)
    e1.fits: 62.5 % of the pixels are not usable (0 are not finite or masked, ...
    """


class MetadataError(FrameError):
    """A header keyword is missing, has the wrong type or an impossible value.

    Examples
    --------
    >>> from emirimg.exceptions import MetadataError
    >>> from emirimg.instrument import read_metadata
    >>> try:
    ...     read_metadata({"EXPTIME": 30.0}, source="e1.fits")
    ... except MetadataError as error:
    ...     print(error)
    e1.fits: keyword DATE-OBS is missing; a date such as 2018-12-17T23:57:24.72 was ...
    """


class MixedExposuresError(InputError):
    """Exposures that must not be combined were given together.

    Examples
    --------
    >>> from emirimg import DitherReducer
    >>> from emirimg.exceptions import MixedExposuresError
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> j, h = scene.exposure(0), scene.replace(filter_name="H").exposure(1)
    >>> try:
    ...     DitherReducer().reduce([j, h])
    ... except MixedExposuresError as error:
    ...     print(error)
    these exposures must not be combined, they differ in
      filter (FILTER): F1230 in 1 exposure, first exposure 1; H in 1 exposure, first ...
    """


class CalibrationError(EmirimgError):
    """A calibration does not fit the exposures it should be applied to.

    Examples
    --------
    >>> import numpy as np
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.exceptions import CalibrationError
    >>> flat = Calibrations(bad_pixels=np.zeros((64, 64), dtype=bool))
    >>> try:
    ...     flat.check((2048, 2048), "e1.fits")
    ... except CalibrationError as error:
    ...     print(error)
    the bad-pixel mask has the shape (64, 64), but e1.fits has (2048, 2048): a ...
    """


class SkyError(EmirimgError):
    """No sky can be estimated for a frame.

    Examples
    --------
    >>> from emirimg.exceptions import SkyError
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import ConstantSky
    >>> from emirimg.stack import DitherStack
    >>> frame = Scene(shape=(32, 32), n_stars=0, n_galaxies=0).exposure(0)
    >>> frame.mask = frame.data > 0
    >>> try:
    ...     ConstantSky()(DitherStack.from_frames([frame]), objects=None)
    ... except SkyError as error:
    ...     print(error)
    frame 1: hardly a pixel is usable, no sky level can be measured
    """


class AlignmentError(EmirimgError):
    """The exposures cannot be placed on a common sky.

    Examples
    --------
    >>> from emirimg.alignment import ReferenceObjectAlignment
    >>> from emirimg.exceptions import AlignmentError
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(32, 32), n_stars=0, n_galaxies=0)
    >>> stack = DitherStack.from_frames([scene.exposure(0), scene.exposure(1)])
    >>> try:
    ...     ReferenceObjectAlignment(positions=[(10, 12)])(stack)
    ... except AlignmentError as error:
    ...     print(error)
    there are 1 positions of the reference object; 2, one for each frame, were expected
    """


class PartialFailureError(EmirimgError):
    """Some of several reductions failed; the others are done.

    Examples
    --------
    >>> from emirimg.exceptions import PartialFailureError
    >>> try:
    ...     raise PartialFailureError("2 of 7 groups failed")
    ... except PartialFailureError as error:
    ...     print(error)
    2 of 7 groups failed
    """


class WorkerError(EmirimgError):
    """A process that did part of the work has died.

    Examples
    --------
    >>> from concurrent.futures import ProcessPoolExecutor
    >>> from emirimg import DitherReducer
    >>> from emirimg.exceptions import WorkerError
    >>> with ProcessPoolExecutor(2) as pool:  # doctest: +SKIP
    ...     try:
    ...         DitherReducer(executor=pool).reduce(paths)
    ...     except WorkerError as error:
    ...         print(error)
    """


class EmirimgWarning(AstropyUserWarning):
    """Base class of every warning that emirimg emits on purpose.

    Examples
    --------
    >>> import warnings
    >>> from emirimg.exceptions import EmirimgWarning, QualityWarning
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", EmirimgWarning)  # or "error", to stop at the first
    ...     warnings.warn("no star in e3.fits", QualityWarning)
    >>> [str(one.message) for one in caught]
    ['no star in e3.fits']
    """


class MetadataWarning(EmirimgWarning):
    r"""A header value is missing or doubtful and a documented default was used.

    Examples
    --------
    >>> import warnings
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from emirimg.exceptions import MetadataWarning
    >>> from emirimg.io import read_located_blocks
    >>> text = "id: A\ninstrument: EMIR\nmode: STARE_IMAGE\nframes: [e1.fits]\n"
    >>> text += "requirements: {colour: red}\n"
    >>> with TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as caught:
    ...     path = Path(directory) / "a.yaml"
    ...     _ = path.write_text(text)
    ...     warnings.simplefilter("always", MetadataWarning)
    ...     blocks = read_located_blocks([path], loose=True)
    >>> str(caught[0].message).partition("a.yaml")[2]
    ':5: (document 1) requirements.colour: STARE_IMAGE does not know this requirement, ...
    """


class CalibrationWarning(EmirimgWarning):
    """A calibration step was left out or replaced by something weaker.

    Examples
    --------
    >>> import warnings
    >>> from emirimg.calibration import Calibrations
    >>> from emirimg.exceptions import CalibrationWarning
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", CalibrationWarning)
    ...     Calibrations().check((32, 32))
    >>> [str(one.message) for one in caught]
    ['no flat was given for the exposures: the response of the pixels will not be ...
    """


class SkyWarning(EmirimgWarning):
    """The sky of a frame is less certain than it should be.

    Examples
    --------
    >>> import warnings
    >>> from emirimg.exceptions import SkyWarning
    >>> from emirimg.simulation import Scene
    >>> from emirimg.sky import PatternSky
    >>> from emirimg.stack import DitherStack
    >>> frame = Scene(shape=(64, 64), n_stars=0, n_galaxies=0).exposure(0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", SkyWarning)
    ...     skies = PatternSky()(DitherStack.from_frames([frame]), objects=None)
    >>> [str(one.message) for one in caught]
    ["all exposures (frame 1) share one pointing, so that objects cannot be told from ...
    """


class AlignmentWarning(EmirimgWarning):
    """A frame was placed by something weaker than the stars it shows.

    Examples
    --------
    >>> import warnings
    >>> from emirimg.alignment import StarAlignment
    >>> from emirimg.exceptions import AlignmentWarning
    >>> from emirimg.simulation import Scene
    >>> from emirimg.stack import DitherStack
    >>> scene = Scene(shape=(64, 64), n_stars=0, n_galaxies=0, sky=0)
    >>> frames = [scene.exposure(index) for index in range(2)]
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", AlignmentWarning)
    ...     alignment = StarAlignment()(DitherStack.from_frames(frames))
    >>> str(caught[0].message)
    'no frame could be placed by its stars: all keep the WCS of their header, which may ...
    """


class QualityWarning(EmirimgWarning):
    """A frame or the mosaic is usable but worse than expected.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from astropy.io.fits import Header
    >>> from emirimg.combine import Mosaic
    >>> from emirimg.exceptions import QualityWarning
    >>> from emirimg.objects import measure_quality
    >>> from emirimg.projection import MosaicGrid
    >>> from emirimg.simulation import Scene
    >>> scene = Scene(shape=(100, 100))
    >>> grid = MosaicGrid.covering([scene.truth.wcs(0)], [(100, 100)])
    >>> plane = np.random.default_rng(1).normal(0, 5, grid.shape).astype("float32")
    >>> count = np.ones(grid.shape, "int16")
    >>> mosaic = Mosaic(grid, plane, 0 * plane + 25, plane > 99, count, 0 * plane, Header())
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", QualityWarning)
    ...     quality = measure_quality(mosaic)
    >>> str(caught[0].message)
    'the mosaic shows no isolated bright star: its seeing, depth and correlated noise ...
    """

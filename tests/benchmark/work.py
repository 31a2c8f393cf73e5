"""What processes of the benchmark do, for their peers and for themselves.

``python work.py simulate TREE N`` and ``frames TREE DIR`` make what is worked
on. ``coadd DIR OUT`` does from files to files what SWarp does. The others time
what they do with frames in memory, and print it as JSON.
"""

# ruff: noqa: PLC0415 (each kind of work loads what it needs, and is measured with that)

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS

FEW = 4
"""How many frames reproject adds up: it takes ten seconds for each."""
BAND = 64
"""Rows of a band."""
LIMIT = 3.0
"""Of the rejection, in standard deviations."""


def simulate(tree, n_exposures):
    from emirimg.simulation import SCENES, write_tutorial

    write_tutorial(tree, SCENES["tutorial"].replace(seed=2, n_exposures=int(n_exposures)))


def frames(tree, directory):
    """Write the sky-subtracted exposures of a tree, with weight maps, as SWarp wants them.

    Their distortion stays ZPN, which SWarp resamples twice as fast as the same as TPV.
    """
    from emirimg.dither import ExposureReducer, find_calibrations
    from emirimg.io import group_exposures, read_calibrations, read_frame, require_one_group
    from emirimg.sky import PatternSky, subtract_sky
    from emirimg.stack import DitherStack

    tree, directory = Path(tree), Path(directory)
    group = require_one_group(group_exposures(tree / "data"))
    uses = find_calibrations(group, control=tree / "control.yaml", files={})
    reduce = ExposureReducer(
        calibrations=read_calibrations(**{use.kind: use.path for use in uses})
    )
    stack = DitherStack.from_frames([reduce(read_frame(path)) for path in group.paths])
    directory.mkdir()
    for number, sky in enumerate(PatternSky()(stack, objects=None)):
        clean = subtract_sky(stack[number], sky)
        header = clean.wcs.to_header(relax=True)
        variance = clean.uncertainty.array
        usable = ~clean.mask & (variance > 0)
        weight = np.where(usable, 1 / np.where(usable, variance, 1), 0).astype("f4")
        fits.writeto(directory / f"{number:03d}.fits", clean.data, header)
        fits.writeto(directory / f"{number:03d}.weight.fits", weight, header)


def read(directory):
    """Return the frames of a directory."""
    paths = sorted(Path(directory).glob("[0-9]*[0-9].fits"))
    return [_frame(path) for path in paths]


def _frame(path):
    data, header = fits.getdata(path, header=True)
    weight = fits.getdata(path.with_suffix(".weight.fits"))
    good = weight > 0
    variance = np.where(good, 1 / np.where(good, weight, 1), 0).astype("f4")
    return CCDData(
        data.astype("f4"), unit="adu", mask=~good, wcs=WCS(header),
        uncertainty=VarianceUncertainty(variance),
    )  # fmt: skip


def coadd(directory, target):
    """Resample and combine frames, from files to files."""
    from emirimg.io import write_mosaic

    write_mosaic(target, _assembled(read(directory)))


def _assembled(stack):
    from emirimg.combine import NoiseClipCombiner, assemble_mosaic
    from emirimg.projection import LanczosResampler

    mosaic, _ = assemble_mosaic(
        stack, _grid(stack), resampler=LanczosResampler(), combiner=NoiseClipCombiner()
    )
    return mosaic


def _grid(stack):
    from emirimg.projection import MosaicGrid

    return MosaicGrid.covering([one.wcs for one in stack], [one.shape for one in stack])


def combine_emirimg(directory):
    from emirimg.combine import SigmaClipCombiner

    stack = read(directory)
    combiner = SigmaClipCombiner(low=LIMIT, high=LIMIT)

    def combine(rows):
        return combiner(
            np.stack([one.data[rows] for one in stack]),
            variance=np.stack([one.uncertainty.array[rows] for one in stack]),
            mask=np.stack([one.mask[rows] for one in stack]),
            weights=np.ones(len(stack)),
        )

    def in_bands():
        # As in every reduction: bands of rows, on a thread for each processor.
        ny = stack[0].shape[0]
        bands = [slice(start, start + BAND) for start in range(0, ny, BAND)]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            planes = list(threads.map(combine, bands))
        return [
            np.concatenate([getattr(part, name) for part in planes])
            for name in ("data", "variance", "count")
        ]

    return in_bands


def combine_ccdproc(directory):
    from ccdproc import combine

    stack = read(directory)
    return lambda: combine(
        stack, method="average", sigma_clip=True, dtype="f4",
        sigma_clip_low_thresh=LIMIT, sigma_clip_high_thresh=LIMIT,
    )  # fmt: skip


def project_emirimg(directory):
    from emirimg.projection import LanczosResampler

    stack = read(directory)[:1]
    grid = _grid(stack)
    return lambda: LanczosResampler()(stack[0], grid)


def project_reproject(directory):
    from reproject import reproject_interp

    stack = read(directory)[:1]
    grid = _grid(stack)
    return lambda: reproject_interp(
        (stack[0].data, stack[0].wcs), grid.wcs, grid.shape, order="bilinear"
    )


def coadd_emirimg(directory):
    stack = read(directory)[:FEW]
    return lambda: _assembled(stack)


def coadd_reproject(directory):
    from reproject import reproject_interp
    from reproject.mosaicking import reproject_and_coadd

    stack = read(directory)[:FEW]
    grid = _grid(stack)
    return lambda: reproject_and_coadd(
        [(one.data, one.wcs) for one in stack], grid.wcs, grid.shape,
        input_weights=[(~one.mask).astype("f4") for one in stack],
        reproject_function=reproject_interp,
    )  # fmt: skip


def timed(make, directory):
    """Time what a function makes, compiled kernels loaded, and print the seconds."""
    work = make(directory)
    if make.__name__.endswith("emirimg"):
        work()  # others have nothing to load or compile
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    click.echo(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


def main(name, *arguments):
    if name in ("simulate", "frames", "coadd"):
        globals()[name](*arguments)
    else:
        timed(globals()[name.replace("-", "_")], *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])

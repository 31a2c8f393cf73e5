"""What a process compiles does the same as what it leaves to later ones, to the last bit."""

import os
import subprocess
import sys

# The larger the coordinates, the more values tell of their last bits.
CODE = """
import hashlib
import numpy as np
from emirimg.projection._lanczos_kernels import padded_planes, resample
from emirimg.projection._lanczos_weights import lanczos_polynomials
random = np.random.default_rng(1)
data = random.normal(0, 1000, (12, 200_000)).astype(np.float32)
y, x = np.mgrid[-1:3, -1:5800] * 32.0
nodes = np.stack([1.01 * x, 4 + 1e-6 * x + 0.99 * y, np.ones_like(x)])
nodes[:2] += random.normal(0, 0.1, nodes[:2].shape)
out, variance = np.empty((2, 6, 180_000), np.float32)
resample(
    padded_planes(data, np.ones_like(data), np.zeros(data.shape, bool)), 0, 12,
    nodes, 32, 32, 32, lanczos_polynomials(), np.float32(0.15),
    out, variance, np.empty(out.shape, bool),
)
print(hashlib.sha256(out.tobytes()).hexdigest(), np.count_nonzero(out))
"""


def test_resampling(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiling, loading = (
        subprocess.run(
            [sys.executable, "-c", CODE],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout.split()
        for _ in range(2)
    )  # fmt: skip
    assert int(compiling[1]) > 1_000_000
    assert compiling == loading

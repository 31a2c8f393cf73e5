"""Settings for all tests."""

import pytest
from astropy.utils import iers


@pytest.fixture(autouse=True, scope="session")
def _no_downloads():
    with iers.conf.set_temp("auto_download", False):
        yield

"""Simulated exposures with known truth, and the score of a mosaic against it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

"""Flat fields: the illumination that the stars see, and the one that the sky shows."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

"""Artificial stars in real exposures: what is found again, and how bright."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

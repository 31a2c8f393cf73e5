"""Reduction of dithered near-infrared images, first of all those of EMIR.

The public names, and the packages, are loaded when they are first used, so that
a command which needs none of them starts at once.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

"""A look at exposures before they are reduced: what is there, and what is wrong."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

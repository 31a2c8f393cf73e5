"""The objects: their masks, their catalogue and the quality of the mosaic."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

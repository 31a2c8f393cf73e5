"""Read and write files; the only part of the package that does."""

from .arrivals import *
from .atomic import *
from .by_files import *
from .calibrations import *
from .ds9 import *
from .exposures import *
from .frames import *
from .groups import *
from .images import *
from .inspection import *
from .numina.blocks import *
from .numina.control import *
from .numina.dithered_image import *
from .numina.dump import *
from .numina.generate import *
from .numina.intermediate import *
from .numina.offsets import *
from .numina.position_image import *
from .numina.records import *
from .numina.write import *
from .patterns import *
from .planes import *
from .reference import *
from .results import *
from .scratch import *
from .workspace import *

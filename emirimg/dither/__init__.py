"""The order of things: from exposures to a mosaic."""

from .exposure import *
from .legacy import *
from .plan import *
from .planned import *
from .preflight import *
from .reducer import *
from .result import *
from .run_all import *
from .upgrade import *
from .watch import *

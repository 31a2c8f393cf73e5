"""What an observer wants to see of a reduction: pictures and tables."""

from .comparison import *
from .comparison_views import *
from .injection import *
from .plots import *
from .preflight import *
from .show import *
from .summary import *

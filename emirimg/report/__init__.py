"""What an observer wants to see of a reduction: pictures and tables."""

from .charts import *
from .comparison import *
from .comparison_page import *
from .comparison_views import *
from .injection import *
from .maps import *
from .numbers import *
from .page import *
from .plots import *
from .preflight import *
from .show import *
from .summary import *

"""The command ``emirimg``: parse, call the library, print.

Heavy imports stand inside the bodies of the commands, so that ``--help``
answers at once.
"""

from .application import main as main

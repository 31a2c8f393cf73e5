"""The objects: their masks and their catalogue."""

from .mask import *

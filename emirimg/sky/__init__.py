"""The sky, in the detector plane."""

from .model import *

from .catalogue import make_catalogue as make_catalogue
from .mask import ObjectMask as ObjectMask, ObjectMasker as ObjectMasker
from .masker import SegmentationMasker as SegmentationMasker
from .quality import MosaicQuality as MosaicQuality, measure_quality as measure_quality
from .regions import MaskWithRegions as MaskWithRegions, filled_outline as filled_outline
from .threshold import ThresholdMasker as ThresholdMasker, find_brightest as find_brightest

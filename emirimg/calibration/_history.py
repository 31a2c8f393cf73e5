"""What the history of a frame says about each step of its calibration."""

from __future__ import annotations

from .._wording import counted

__all__ = ["bad", "dark", "flat", "noise", "not_finite", "saturated"]


def not_finite(count: int) -> str:
    """Pixels without a value."""
    return f"masked {counted(count, 'pixel')} that {'is' if count == 1 else 'are'} not finite"


def saturated(count: int, level: float) -> str:
    """Saturated pixels."""
    return f"masked {counted(count, 'pixel')} saturated at {level:g} adu"


def bad(count: int) -> str:
    """Bad pixels."""
    return f"masked {counted(count, 'bad pixel')}"


def noise(gain: float, read_noise: float, origin: str) -> str:
    """The noise model."""
    text = f"assigned photon noise (gain {gain:g}) and read noise ({read_noise:g} adu)"
    return f"{text} {origin}".rstrip()


def dark(seconds: float) -> str:
    """The dark."""
    return f"subtracted the dark of {seconds:g} s"


def flat() -> str:
    """The flat."""
    return "divided by the flat"

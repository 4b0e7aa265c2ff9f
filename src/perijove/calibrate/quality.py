"""Quality: what is to be known of a pixel before its light is believed, a bit each."""

from __future__ import annotations

from enum import IntFlag


class Quality(IntFlag):
    """Bits of the quality planes (uint8); 0 is a pixel of which nothing is to be said.

    In a rendered plane a bit is set where any camera pixel that went into the output pixel has it.
    """

    HOT = 1
    """Dark charge of a hot place was taken off."""
    SPOT = 2
    """The shadow of dust, or the gleam of a pinhole, was divided out."""
    HIT = 4
    """A radiation hit: replaced from around."""
    FLIPPED = 8
    """A flipped bit: replaced from around."""
    FULL = 16
    """Full, or filled by what its neighbours in the column could not hold: at least as bright as said."""
    FILLED = 32
    """Dead, or too dark to be of use: replaced from around."""
    BLOCKY = 64
    """The compression left less than it took: smoothed over the borders of its blocks."""
    SUSPECT = 128
    """Stands out like a hit, yet may be a star, the limb or lightning: left as it is."""

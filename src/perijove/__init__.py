"""Perijove: from JunoCam's raw strips to calibrated, geometrically exact colour pictures."""

__version__ = "0.1.0"

"""Photometry: how the ground's light falls off towards limb and terminator, and the light without that.

Pure functions on arrays. `models` holds the laws, `kernels` and `hapke` their compiled formulas, `defaults` the
published coefficients, `fit` finds a law from an observation itself, `correct` takes a law off the light.
"""

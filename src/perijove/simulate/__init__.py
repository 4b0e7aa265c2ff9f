"""A JunoCam that photographs a known world: strips, labels and the truth behind them.

The way of the light is written here anew, forward from the world to the detector. Shared with the processing are only
the bodies' shapes, the camera's constants and the companding table, so that an error in one is seen by the other.
"""

"""An arctangent without branches, so that the compiler does whole rows at once."""

from __future__ import annotations

import math

from perijove.jit import inlined

TAN_22_5 = math.sqrt(2.0) - 1.0


@inlined
def arctangent(y: float, x: float) -> float:
    """Angle of (x, y) from +X in rad, -pi to pi, to 4e-16 rad; 0 at the origin; a zero's sign is not looked at.

    By symmetry and by atan t = pi / 4 + atan((t - 1) / (t + 1)) the argument falls to |t| <= tan(pi / 8). There
    (1 - atan(t) / t) / t^2 is the polynomial in t^2 that meets it at the ten Chebyshev nodes, off by 2e-16 at most.
    """
    ax, ay = abs(x), abs(y)
    steep = ay > ax
    high, low = (ay, ax) if steep else (ax, ay)
    high = high if high != 0.0 else 1.0
    late = low > TAN_22_5 * high
    t = ((low - high) if late else low) / ((low + high) if late else high)
    s = t * t
    p = 0.06649613695291669 + s * (-0.05736332165907643 + s * (0.04483334622272886 - s * 0.02275052699336167))
    p = 0.1428571426609662 + s * (-0.11111109636534361 + s * (0.09090852557176049 + s * (-0.0769105515839315 + s * p)))
    p = t - t * s * (0.3333333333333325 + s * (-0.19999999999898407 + s * p))
    p = p + math.pi / 4 if late else p
    p = math.pi / 2 - p if steep else p
    p = math.pi - p if x < 0.0 else p
    return -p if y < 0.0 else p

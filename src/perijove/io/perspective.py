"""The perspective of a picture in its sidecar: which places its pixels show, and how the light fell on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import BODIES, Body
from perijove.geometry.view import View
from perijove.io.provenance import plain

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Perspective:
    """A picture's `view` of a `body`, in the body-fixed frame of its epoch.

    `sun` (3,) is the unit vector towards the Sun when the light was taken, `camera_km` (3,) the camera's place then,
    which is the view's own unless the picture looks from elsewhere.
    """

    view: View
    body: Body
    sun: FloatArray
    camera_km: FloatArray


def describe_view(view: View, body: Body, sun: ArrayLike, camera_km: ArrayLike) -> dict[str, object]:
    """A picture's perspective as a JSON object; `view_of` is the inverse.

    The place in direction d (body-fixed, from `position_km`) falls on line = y / (z scale) + principal line, sample =
    x / (z scale) + principal sample, with (x, y, z) = `view_from_body` d; the centre of element i stands at i + 0.5.
    """
    told = {
        "body": body.name,
        "body_radii_km": body.radii_km,
        "position_km": view.position_km,
        "view_from_body": view.view_from_body,
        "scale_rad_per_px": view.scale,
        "width": view.width,
        "height": view.height,
        "principal_line_sample": view.principal,
        "sun_direction": sun,
        "camera_km": camera_km,
    }
    return {key: plain(value) for key, value in told.items()}


def view_of(value: Mapping[str, Any]) -> Perspective:
    """The perspective of `describe_view`'s object; KeyError, TypeError or ValueError for what is none."""
    a, b, c = (float(radius) for radius in value["body_radii_km"])
    line, sample = (float(number) for number in value["principal_line_sample"])
    view = View(
        position_km=_numbers(value["position_km"], (3,)),
        view_from_body=_numbers(value["view_from_body"], (3, 3)),
        scale=float(value["scale_rad_per_px"]),
        width=int(value["width"]),
        height=int(value["height"]),
        principal=(line, sample),
    )
    if not (view.scale > 0.0 and view.width > 0 and view.height > 0 and min(a, b, c) > 0.0):
        raise ValueError("a size is not above 0")
    sun, camera = _numbers(value["sun_direction"], (3,)), _numbers(value["camera_km"], (3,))
    return Perspective(view, replace(BODIES[value["body"]], radii_km=(a, b, c)), sun, camera)


def _numbers(value: object, shape: tuple[int, ...]) -> FloatArray:
    """An array of a shape; null is NaN."""
    out = np.array(value, dtype=float)
    if out.shape != shape:
        raise ValueError(f"{shape} numbers were expected")
    return out

"""What is known of Juno's orbit at each perijove, before a label is read.

Times of perijove: the mission's timing sheet as published by LASP (Magnetospheres of the Outer Planets, Juno orbit
tables), rounded to seconds; reconstructed or predicted a few orbits ahead, so good to some ten seconds until 2022 and
to a minute or two later. Against labels and kernels: 0 s at PJ4, 4 s at PJ20, 7 s at PJ44. The orbit's shape and plane
come from the labels of PJ20, 27, 43 and 44 and the kernels of PJ4 and PJ43-46, with sigmas that cover what lies between
and, generously, what comes after.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import DAY_S, JUPITER
from perijove.timescale import et_from_utc

FloatArray = NDArray[np.float64]

PERIJOVE_UTC = (
    "2016-07-05T02:47:32",
    "2016-08-27T12:50:44",
    "2016-10-19T18:10:54",
    "2016-12-11T17:03:41",
    "2017-02-02T12:57:09",
    "2017-03-27T08:51:52",
    "2017-05-19T06:00:47",
    "2017-07-11T01:54:42",
    "2017-09-01T21:48:50",
    "2017-10-24T17:42:31",
    "2017-12-16T17:56:59",
    "2018-02-07T13:51:30",
    "2018-04-01T09:45:43",
    "2018-05-24T05:39:51",
    "2018-07-16T05:17:22",
    "2018-09-07T01:11:41",
    "2018-10-29T21:06:00",
    "2018-12-21T16:59:48",
    "2019-02-12T17:34:31",
    "2019-04-06T12:14:22",
    "2019-05-29T08:08:18",
    "2019-07-21T04:02:43",
    "2019-09-12T03:40:44",
    "2019-11-03T22:18:14",
    "2019-12-26T17:36:13",
    "2020-02-17T17:51:55",
    "2020-04-10T13:47:40",
    "2020-06-02T10:20:03",
    "2020-07-25T06:15:27",
    "2020-09-16T02:10:52",
    "2020-11-08T01:49:42",
    "2020-12-30T21:45:45",
    "2021-02-21T17:40:34",
    "2021-04-15T23:32:25",
    "2021-06-08T07:46:01",
    "2021-07-21T08:15:05",
    "2021-09-02T22:42:52",
    "2021-10-16T17:13:32",
    "2021-11-29T14:13:30",
    "2022-01-12T10:33:02",
    "2022-02-25T01:59:57",
    "2022-04-09T15:49:18",
    "2022-05-23T02:15:54",
    "2022-07-05T09:17:22",
    "2022-08-17T14:45:39",
    "2022-09-29T17:11:56",
    "2022-11-06T21:38:37",
    "2022-12-15T03:23:23",
    "2023-01-22T05:44:19",
    "2023-03-01T05:53:22",
    "2023-04-08T08:13:34",
    "2023-05-16T07:22:45",
    "2023-06-23T06:55:08",
    "2023-07-31T09:05:44",
    "2023-09-07T11:58:02",
    "2023-10-15T10:52:50",
    "2023-11-22T12:17:18",
    "2023-12-30T12:36:21",
    "2024-02-03T21:47:29",
    "2024-03-07T15:42:20",
    "2024-04-09T08:48:19",
    "2024-05-12T03:38:39",
    "2024-06-13T19:53:41",
    "2024-07-16T14:33:58",
    "2024-08-18T06:57:08",
    "2024-09-20T02:28:52",
    "2024-10-22T18:11:02",
    "2024-11-24T13:05:28",
    "2024-12-27T05:22:30",
    "2025-01-28T23:05:12",
    "2025-03-02T16:04:32",
    "2025-04-04T09:30:55",
    "2025-05-07T03:01:33",
    "2025-06-08T20:30:47",
    "2025-07-11T13:40:03",
    "2025-08-13T07:04:54",
    "2025-09-14T23:52:04",
    "2025-10-17T16:04:41",
)
"""Perijoves 0 (orbit insertion), 1, 2, ... by their number."""

# perijove, radius km, inclination, node, argument of periapsis deg; then their sigmas
_KNOTS = np.array(
    [
        [1, 75700, 90.0, 270.9, 176.1, 1500, 1.0, 1.0, 1.5],
        [4, 75729, 90.56, 270.98, 173.42, 500, 0.5, 0.5, 0.5],
        [12, 76900, 95.7, 271.2, 166.3, 1800, 1.5, 1.0, 1.5],
        [20, 78127, 100.85, 271.57, 159.28, 500, 0.5, 0.5, 0.5],
        [27, 74120, 104.85, 272.69, 154.41, 800, 0.7, 0.5, 1.0],
        [33, 74000, 106.5, 273.9, 149.8, 1800, 2.0, 1.5, 2.0],
        [35, 73500, 99.5, 281.0, 150.5, 1800, 2.5, 2.5, 2.5],
        [43, 73422, 96.88, 284.65, 143.96, 500, 0.5, 0.5, 0.5],
        [46, 73108, 96.89, 286.03, 141.39, 500, 0.5, 0.5, 0.5],
        [50, 73500, 97.0, 287.9, 137.9, 1800, 2.0, 1.5, 1.5],
        [57, 73500, 97.0, 291.1, 131.8, 2500, 3.0, 3.0, 2.5],
        [76, 73500, 97.0, 299.0, 115.0, 3000, 4.0, 4.0, 4.0],
    ]
)
_AXIS_SIGMA = 0.01
"""Relative sigma of the semi-major axis: trims of the period follow most perijoves."""
_FLYBYS = (34, 45, 57, 58)
"""Perijoves shortly before which a moon bent the orbit: Ganymede, Europa, Io, Io."""
_LAST_PERIOD_S = 32.8 * DAY_S


@dataclass(frozen=True)
class Prior:
    """An expected orbit and how well it is known.

    `mean` and `sigma` (6,): radius of periapsis km, 1/a far from the planet 1/km, inclination, node, argument of
    periapsis rad (as `Elements`), ET of periapsis s. `perijove` is its number.
    """

    perijove: int
    mean: FloatArray
    sigma: FloatArray


def perijove_of(et: float) -> int:
    """Number of the perijove nearest in time to ET; beyond the list the orbits go on with the last period."""
    times = _perijove_et()
    if et > times[-1]:
        return len(times) - 1 + round(float(et - times[-1]) / _LAST_PERIOD_S)
    return int(np.abs(times - et).argmin())


def expected_orbit(et: float) -> Prior:
    """The orbit on which Juno is to be expected at ET, from the perijove nearest in time."""
    number, times = perijove_of(et), _perijove_et()
    if number < len(times) - 1:
        passage = times[number]
        # moons passed on the way in change the period half a day before perijove, trims of the orbit after it
        before = number > 0 and et < passage - 0.7 * DAY_S
        period = passage - times[number - 1] if before else times[number + 1] - passage
        passage_sigma = 15.0 if number <= 46 else 60.0 if number <= 57 else 120.0
        if before and number in _FLYBYS:
            passage_sigma = 900.0
    else:
        passage, period = times[-1] + (number - len(times) + 1) * _LAST_PERIOD_S, _LAST_PERIOD_S
        passage_sigma = 300.0 + DAY_S * (number - len(times) + 1)
    radius, inclination, node, argument, *sigma = (
        float(np.interp(number, _KNOTS[:, 0], _KNOTS[:, k])) for k in range(1, 9)
    )
    inverse_axis = float(np.cbrt((2.0 * np.pi / period) ** 2 / JUPITER.gm))
    angles = np.radians([inclination, node, argument])
    return Prior(
        perijove=number,
        mean=np.array([radius, inverse_axis, *angles, passage]),
        sigma=np.array([sigma[0], _AXIS_SIGMA * inverse_axis, *np.radians(sigma[1:]), passage_sigma]),
    )


@cache
def _perijove_et() -> FloatArray:
    return np.array([et_from_utc(utc) for utc in PERIJOVE_UTC])

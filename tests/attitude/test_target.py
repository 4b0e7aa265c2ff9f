"""Which body a strip shows, by its limb."""

from dataclasses import replace

import numpy as np

from perijove.attitude.priors import EARTH_SIGMA
from perijove.attitude.search import AxisHint, Scene
from perijove.attitude.target import LEAST_LEAD, likenesses
from perijove.bodies import EUROPA, GANYMEDE, IO, Body
from perijove.instrument import Camera, Filter


def test_a_disc_is_that_of_the_body_of_its_size(ganymede, ganymede_strip) -> None:
    strip = replace(ganymede_strip, light={Filter.GREEN: ganymede_strip.light[Filter.GREEN]})

    def scene(body: Body, away: float = 1.0) -> Scene:
        flight = ganymede.trajectory()
        flight = replace(flight, body=body.name, position_km=away * flight.position_km)
        return Scene(flight, body, ganymede.sun, AxisHint(ganymede.earth, EARTH_SIGMA))

    # past Europa on the same path the disc would be 0.6 times as large, and Io ten times as far away
    found = likenesses(strip, [scene(EUROPA), scene(GANYMEDE), scene(IO, 10.0)], Camera.measured())
    assert found[0].name == "GANYMEDE"
    assert all(found[0].points > LEAST_LEAD * other.points for other in found[1:])
    dark = replace(strip, light={Filter.GREEN: np.zeros_like(strip.light[Filter.GREEN])})
    assert likenesses(dark, [scene(GANYMEDE)], Camera.measured()) == []

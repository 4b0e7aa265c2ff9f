import json
from pathlib import Path

import numpy as np
import pytest

from perijove.ephemeris.juno import PERIJOVE_UTC, expected_orbit, perijove_of
from perijove.io.labels import read_label
from perijove.timescale import et_from_utc

DAY_S = 86400.0


def test_orbits_have_the_missions_periods() -> None:
    days = np.diff([et_from_utc(utc) for utc in PERIJOVE_UTC]) / DAY_S
    assert ((days[:33] > 52.2) & (days[:33] < 53.7)).all()
    assert ((days[35:44] > 42.5) & (days[35:44] < 44.5)).all()
    assert ((days[45:56] > 37.5) & (days[45:56] < 38.7)).all()
    assert ((days[58:] > 32.0) & (days[58:] < 33.5)).all()


def test_numbers_are_those_of_the_labels(data: Path) -> None:
    for path in [*(data / "labels").iterdir(), *(data / "pj44").glob("*.json")]:
        label = read_label(path)
        assert perijove_of(label.start_et) == label.perijove, path.name


def test_perijoves_fall_among_the_images_of_their_pass(data: Path) -> None:
    for number, span in json.loads((data / "reference" / "PJ_times.json").read_text()).items():
        passage = et_from_utc(PERIJOVE_UTC[int(number)])
        # perijove 19 was photographed from an hour after perijove on
        assert et_from_utc(span["start"]) - 3600 < passage < et_from_utc(span["end"]), number


def test_beyond_the_list_orbits_go_on_and_sigmas_grow() -> None:
    last = et_from_utc(PERIJOVE_UTC[-1])
    number = len(PERIJOVE_UTC) - 1
    later = expected_orbit(last + 3.1 * 32.8 * DAY_S)
    assert later.perijove == number + 3
    assert later.mean[5] == pytest.approx(last + 3 * 32.8 * DAY_S)
    assert later.sigma[5] > expected_orbit(last).sigma[5]


def test_before_a_flyby_the_orbit_is_the_old_one() -> None:
    passage = et_from_utc(PERIJOVE_UTC[45])
    before, after = expected_orbit(passage - 2 * DAY_S), expected_orbit(passage)
    # 43 days before Europa, 38 after: a larger axis before
    assert before.mean[1] < 0.95 * after.mean[1]
    assert before.sigma[5] > after.sigma[5]

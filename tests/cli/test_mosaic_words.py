"""What a mosaic's caption says of its images, and what of the sky is in a view from elsewhere."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perijove.cli.mosaic import images_text, without_sky
from perijove.geometry.view import View
from perijove.mosaic.look import Look
from perijove.render.engine import empty_planes


def looks(*names: str) -> Any:
    return [Look(name, (), 0.0, np.zeros(3)) for name in names]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([29], "44C00029"),
        ([30, 29], "44C00029 and 44C00030"),
        ([30, 29, 31], "44C00029, 44C00030 and 44C00031"),
        (range(29, 34), "44C00029 to 44C00033 (5 images)"),
    ],
)
def test_images_are_named_by_their_numbers(numbers: Any, text: str) -> None:
    assert images_text(looks(*(f"JNCE_2022229_44C{n:05d}_V01" for n in numbers))) == text


def test_images_without_a_product_id_keep_their_names() -> None:
    assert images_text(looks("mine", "JNCE_2022229_44M00044_V01")) == "44M00044 and mine"


def test_beside_the_body_there_is_nothing() -> None:
    view = View(np.array([3e5, 0.0, 0.0]), np.eye(3), 1e-3, 4, 2, (1.0, 2.0))
    hit = np.array([[True, False, True, False]] * 2)
    planes = replace(empty_planes([], view, True), light=np.ones((3, 2, 4), np.float32), hit=hit)
    found = without_sky(planes).light
    assert (found[:, hit] == 1.0).all()
    assert np.isnan(found[:, ~hit]).all()
    assert found.dtype == np.float32

"""The strip whose time and place a mosaic takes when nobody names one."""

from types import SimpleNamespace

import pytest

from perijove.cli.mosaic_report import epoch_of


def strip(number, full):
    """As much of an observation as the choice needs; `full` is the share of full pixels."""
    return SimpleNamespace(
        middle_et=100.0 * number,
        raw=SimpleNamespace(label=SimpleNamespace(product_id=f"STRIP{number}")),
        calibrated=SimpleNamespace(full_fraction=full),
    )


@pytest.mark.parametrize(
    ("shares", "number"),
    [
        ([0.0, 0.0, 0.0], 1),
        ([0.0, 0.0, 0.0, 0.0], 1),
        ([0.0, 1e-5, 0.0], 1),
        ([0.0, 0.0, 0.0, 0.01, 0.0, 0.005, 0.0], 2),
        ([0.0, 0.01, 0.01, 0.01, 0.0], 0),
        ([0.01, 0.01, 0.01, 0.0, 0.0], 3),
        ([0.01, 0.01, 0.02], 1),
    ],
)
def test_the_middle_strip_that_is_not_full(shares, number):
    strips = [strip(k, share) for k, share in enumerate(shares)]
    epoch, lead = epoch_of(None, strips[::-1])
    assert lead is strips[number]
    assert epoch == 100.0 * number

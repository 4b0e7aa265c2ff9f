"""The coarse pass: seams are wide by day and narrow in the night of a view."""

from types import SimpleNamespace

import numpy as np
import pytest

from perijove.mosaic.coarse import LEAST_SEAM, NIGHT_SEAM, SEAM_SHARE, seam_field
from perijove.mosaic.place import DEEP_NIGHT, DUSK, night_share

H, W = 40, 200


def strip_seen(first):
    """A look that sees the columns from `first` on."""
    light = np.zeros((1, H, W), np.float32)
    light[:, :, :first] = np.nan
    return SimpleNamespace(light=light, choice=np.ones((H, W), np.float32))


@pytest.mark.parametrize("night", [0.0, 1.0])
def test_a_seam_is_narrower_by_night(night):
    seam = seam_field(strip_seen(50), 1, None, False, np.full((H, W), night, np.float32))[20]
    # the farthest column stands 150 px from the edge; half way up a seam the weight is a half
    width = SEAM_SHARE * 149.5 * (NIGHT_SEAM if night else 1.0)
    where = np.arange(W) - 49.5
    assert np.interp(0.5, seam[50:], where[50:]) == pytest.approx(width / 2, abs=0.6)
    assert (seam[where > width + 1] == 1.0).all()
    assert (seam[:50] == LEAST_SEAM).all()
    assert (np.diff(seam) >= 0.0).all()


def test_dusk_seen_ends_before_the_night_wanted_begins():
    cosines = np.array([DUSK[0], sum(DUSK) / 2, DUSK[1], -0.9], np.float32)
    np.testing.assert_allclose(night_share(cosines, DUSK), [0.0, 0.5, 1.0, 1.0], atol=1e-6)
    # all that is wanted as night at all may be taken from looks that saw ground as dark as that
    assert night_share(np.array([DEEP_NIGHT[0]], np.float32), DUSK)[0] == 1.0

import math

from perijove.instrument import Filter
from perijove.photometry.defaults import default_law
from perijove.photometry.models import Law, Model, Quality
from perijove.photometry.report import NAMES, report


def test_a_fit_in_words() -> None:
    quality = Quality(0.036, 60_000, 188.4, (0.1, 0.78), (0.13, 0.94), (math.radians(100), math.radians(115.2)))
    law = Law(
        Model.FIT,
        {Filter.GREEN: (1.514, 1.321)},
        "fitted to the observation",
        {Filter.GREEN: ((0.009**2, 0.0), (0.0, 0.067**2))},
        {Filter.GREEN: 0.0256},
        {},
        {Filter.GREEN: quality},
    )
    assert report(law) == [
        "photometry fit: fitted to the observation",
        "  green: k 1.514 +- 0.009, B 1.321 +- 0.067, form 2.6 %, rms 3.6 % over 60000 samples worth 188, "
        "cos i 0.10 to 0.78, cos e 0.13 to 0.94, phase 100 to 115 deg",
    ]


def test_every_law_has_its_words() -> None:
    assert set(NAMES) == set(Model)
    lines = report(default_law(Model.LUNAR_LAMBERT, "CALLISTO", 1.0))
    assert "McEwen" in lines[0]
    assert len(lines) == 1 + len(Filter)
    assert lines[1].startswith("  blue: L 1 +- 0.150, L1 -1.089, L2 ")

"""`make timings`: what it measures and what it says."""

import pytest

from tests.live.conftest import Service
from tests.live.timings import (
    KINDS,
    RIGHT,
    UNKNOWN,
    WARM_UP,
    make_accounts,
    measure,
    refusals,
    report,
)
from tests.timing import is_even

pytestmark = pytest.mark.xdist_group("live")


def test_measures_every_kind_over_http(environment: dict[str, str], service: Service) -> None:
    make_accounts(environment, WARM_UP + 3)

    took = measure(service, 3)

    assert {kind: len(times) for kind, times in took.items()} == dict.fromkeys(KINDS, 3)
    assert all(kind in report(took) for kind in KINDS)


@pytest.mark.parametrize(
    ("unknown", "wrong", "even"),
    [
        (0.020, 0.030, True),
        (0.020, 0.0301, False),
        (0.200, 0.220, True),
        (0.200, 0.2201, False),
        (0.2201, 0.200, False),
    ],
)
def test_is_even_within_ten_per_cent_or_ten_milliseconds(
    unknown: float, wrong: float, even: bool
) -> None:
    took = {RIGHT: [9.0] * 3, UNKNOWN: [unknown] * 3, "wrong password": [wrong, wrong, 7.0]}

    assert is_even(refusals(took)) is even
    assert ("MORE THAN" in report(took)) is not even

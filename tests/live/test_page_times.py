"""`make page-times`: what it says."""

import pytest

from tests.live.page_times import MOST, Time, report


@pytest.mark.parametrize(("took", "slow"), [(MOST - 0.001, 0), (MOST, 1)])
def test_says_which_page_takes_too_long(took: float, slow: int) -> None:
    said = report([Time("quick", [0.1, 0.2], 5), Time("other", [0.1, took], 5)])

    assert said.count("TOO LONG") == slow
    assert f"Pages over 1 s: {slow}." in said

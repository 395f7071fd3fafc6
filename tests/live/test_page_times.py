"""`make page-times`: what it measures and what it says."""

import pytest

from tests.live.page_times import MOST, Time, main, report

pytestmark = pytest.mark.xdist_group("live")


def test_times_the_pages_in_a_database_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--users", "300", "--tries", "1"])

    said = capfd.readouterr().out
    assert "Making 300 users" in said
    for page in ("start page", "users, search no match", "choice of a client", "audit events"):
        assert page in said
    assert status == (1 if "TOO LONG" in said else 0)


@pytest.mark.parametrize(("took", "slow"), [(MOST - 0.001, 0), (MOST, 1)])
def test_says_which_page_takes_too_long(took: float, slow: int) -> None:
    said = report([Time("quick", [0.1, 0.2], 5), Time("other", [0.1, took], 5)])

    assert said.count("TOO LONG") == slow
    assert f"Pages over 1 s: {slow}." in said

"""That tests which share a server share a process too."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is but one process")
@pytest.mark.xdist_group("group")
def test_groups_are_told_to_who_distributes_the_tests(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@group")

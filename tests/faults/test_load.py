"""What counts as acknowledged, as refused cleanly and as failed."""

from http.client import HTTPMessage
from pathlib import Path

import pytest

from tests.faults.load import ACKNOWLEDGED, FAILED, PROBLEM, REFUSED, Call, Load, Outcome, classify
from tests.faults.report import Report
from tests.live.conftest import Answer, Service
from tests.mails import free_port


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (201, {}, ACKNOWLEDGED),
        (401, {"Content-Type": PROBLEM}, REFUSED),
        (401, {}, FAILED),
        (503, {"Content-Type": PROBLEM, "Retry-After": "5"}, REFUSED),
        (503, {"Content-Type": PROBLEM}, FAILED),
        (503, {"Content-Type": "text/html", "Retry-After": "5"}, FAILED),
        (500, {"Content-Type": PROBLEM, "Retry-After": "5"}, FAILED),
    ],
)
def test_answer_is_what_it_says(status: int, headers: dict[str, str], expected: str) -> None:
    message = HTTPMessage()
    for name, value in headers.items():
        message[name] = value

    assert classify(Answer(status, message, b"")) == expected


NOTHING = Call("GET", "/livez")


def test_acknowledged_write_that_is_not_there_is_lost() -> None:
    load = Load(Service(free_port(), Path("log")), lambda: NOTHING)
    load.outcomes = [
        Outcome(ACKNOWLEDGED, "201", 0, 1, "kept"),
        Outcome(ACKNOWLEDGED, "201", 0, 1, "gone"),
        Outcome(REFUSED, "503", 0, 1, "never"),
        Outcome(FAILED, "OSError", 0, 3, "perhaps"),
    ]
    report = Report("a fault")
    report.count(load, {"kept", "perhaps"})

    assert (report.sent, report.acknowledged, report.refused, report.failed) == (4, 2, 1, 1)
    assert (report.lost, report.slowest) == (1, 3)
    assert report.broken == ["what was acknowledged is there"]

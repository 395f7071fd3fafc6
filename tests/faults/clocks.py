"""What befalls the clock: five minutes ahead, back, five behind, back."""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import stage
from tests.faults.load import Call, Load, send
from tests.faults.report import Report
from tests.live.conftest import PASSWORD, ROOT

LIBRARIES = "*/faketime/libfaketimeMT.so.1"
LIFETIME = 1  # minutes of an access token
STEP = 5  # minutes
TRIES = 8  # of each request: both workers are asked


@dataclass
class Clock:
    """The clock of the service alone, and what it answers."""

    file: Path
    load: Load
    slowest: float = 0.0  # from a step to an answer with a new token
    said: dict[str, set[str]] = field(default_factory=dict)

    def step(self, minutes: int) -> dict[str, str]:
        """Set the clock, log in at once and return the tokens."""
        self.file.write_text(f"{minutes:+d}m\n")
        began = time.monotonic()
        tokens = self.load.service.log_in(ROOT, PASSWORD)
        self.see(f"a new token at {minutes:+d}", tokens["access"])
        self.slowest = max(self.slowest, time.monotonic() - began)
        return tokens

    def see(self, what: str, token: str) -> None:
        for _ in range(TRIES):
            outcome = send(self.load.service, Call("GET", "/users/current", token=token))
            self.load.outcomes.append(outcome)
            self.said.setdefault(what, set()).add(outcome.said)


def steps(seconds: float) -> Report:
    report = Report(f"the service's clock {STEP} minutes ahead, back, behind and back")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clock"
        file.write_text("+0m\n")
        faked = {
            "LD_PRELOAD": find_library(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "ACCESS_TOKEN_MINUTES": f"{LIFETIME}",
        }
        with stage.on_postgresql(faked) as one:
            clock = Clock(file, Load(one.service, lambda: Call("GET", "/livez")))
            walk(clock)
            report.count(clock.load, one.emails())
    report.recovered = clock.slowest
    report.notes.append(
        ", ".join(f"{what}: {'/'.join(sorted(x))}" for what, x in clock.said.items())
    )
    expired = [said for what, said in clock.said.items() if "expired" in what]
    new = [said for what, said in clock.said.items() if "new" in what]
    report.claim(all(said == {"401"} for said in expired), "no token is valid after its end")
    report.claim(all(said == {"200"} for said in new), "who logs in is served at once")
    report.claim(report.failed == 0, "nothing fails")
    return report


def walk(clock: Clock) -> None:
    first = clock.step(0)
    ahead = clock.step(STEP)
    clock.see("a token that expired while the clock jumped ahead", first["access"])
    again = clock.load.service.call("POST", "/auth/refresh", {"refresh": first["refresh"]})
    clock.said["a refresh token of before, ahead"] = {str(again.status)}
    clock.step(0)
    clock.see("a token of the clock ahead, back", ahead["access"])
    again = clock.load.service.call("POST", "/auth/refresh", {"refresh": ahead["refresh"]})
    clock.said["a refresh token of the clock ahead, back"] = {str(again.status)}
    behind = clock.step(-STEP)
    clock.step(0)
    clock.see("a token that expired as the clock came back from behind", behind["access"])
    clock.step(STEP + LIFETIME + 1)
    clock.see("a token of the clock ahead that has expired", ahead["access"])
    clock.step(0)


def find_library() -> str:
    found = sorted(Path("/usr/lib").glob(LIBRARIES))
    if not found:
        raise SystemExit("Clocks are stepped by libfaketime: apt-get install faketime")
    return str(found[0])

"""What befalls Redis, which keeps the counters of failed log-ins."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.faults import stage
from tests.faults.load import ACKNOWLEDGED, Call, Load, running, wait_for
from tests.faults.report import Report
from tests.live.conftest import PASSWORD, ROOT
from tests.mails import free_port
from tests.redis_server import running_redis


def gone(seconds: float) -> Report:
    report = Report(f"{seconds:.0f} s without Redis: log-ins, right and wrong, and reads")
    port = free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with running_redis(folder, port) as url:
            one = stack.enter_context(stage.on_postgresql({"CACHE_URL": url}))
        turn = iter(range(10**9))

        def log_in() -> Call:
            password = PASSWORD if next(turn) % 2 else "wrong"
            return Call("POST", "/auth/login", {"email": ROOT, "password": password})

        logins = Load(one.service, log_in, threads=4)
        reading = Call("GET", "/users/current", token=one.token)
        reads = Load(one.service, lambda: reading, threads=2)
        with running(reads):
            away = time.monotonic()
            logins.start()
            stage.go_on(seconds)
            back = time.monotonic()
            with running_redis(folder, port):
                wait_for(lambda: logins.count(ACKNOWLEDGED) > 5)
                stage.go_on(4)
                logins.end()
        report.recovered = logins.acknowledged_since(back) - back
        for load in (logins, reads):
            report.count(load, one.emails())
    during = {o.said for o in logins.outcomes if away < o.began and o.ended < back}
    after = {o.said for o in logins.outcomes if back + 3 < o.began}
    report.claim(during == {"503"}, "nobody logs in uncounted")
    report.claim(after == {"200", "401"}, "both are told again what is so")
    report.claim(reads.count(ACKNOWLEDGED) == len(reads.outcomes), "reads go on")
    report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
    return report

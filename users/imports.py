"""Imports of files through the operators' site: brought in, rehearsed, then written or dropped.

A worker (`manage.py work`) does what takes long. While a file is written in one transaction the
progress goes through a connection of its own; SQLite has one writer, so there it stands still.
"""

import io
import logging
import time
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from config.api.errors import Conflict
from config.audit.origin import Door, Origin, coming_from, current_origin
from users.models import Import, ImportFile, User
from users.transfer.columns import FileRefused
from users.transfer.importing import OnRefusal, import_table, rehearse
from users.transfer.reports import Report
from users.transfer.tables import Table, read_table

log = logging.getLogger("roster.imports")

State = Import.State
LEASE = timedelta(minutes=5)  # without a sign of life, its worker is taken for dead
KEPT_FOR = timedelta(days=7)  # an import that nobody decided on; a report
RUNNING = {State.WAITING: State.REHEARSING, State.CONFIRMED: State.WRITING}
MOST_ATTEMPTS = 3  # at a rehearsal; a file that ends its worker must not do so for ever
BROKEN_OFF = (
    "What was written before is in the audit trail. Bring the file again to see what is left."
)
HOPELESS = "Rehearsing this file has ended its worker each time."
MOST_SHOWN = 100  # refusals on the page; the report has all


class NotRehearsed(Conflict):
    """409: another operator, or the worker, has decided what is to happen to it."""

    default_code = "not_rehearsed"
    default_detail = "This import is no longer waiting for a decision."


class NotTheirs(Conflict):
    """409: what is rehearsed is what its own bringer may do."""

    default_code = "not_theirs"
    default_detail = "Who brought this in decides on it. You can discard it."


@transaction.atomic
def bring_in(content: bytes, filename: str, *, actor: User) -> Import:
    """Keep a file for the worker to rehearse; nothing is read as yet."""
    job = Import.objects.create(user=actor, filename=filename[-255:])
    ImportFile.objects.create(of=job, content=content)
    return job


@transaction.atomic
def confirm(job: Import, *, on_refusal: OnRefusal, actor: User) -> None:
    """Let the worker write it in the name of `actor`.

    Raises `NotRehearsed` (409), or `NotTheirs` (409) for anybody but who brought it in: nobody else
    may change their email without their password.
    """
    if actor.pk != job.user_id:
        raise NotTheirs
    origin = current_origin()
    _decide(
        job,
        state=State.CONFIRMED,
        on_refusal=on_refusal,
        address=origin.address,
        request_id=origin.request_id,
    )


@transaction.atomic
def discard(job: Import) -> None:
    """Delete the file; raise `NotRehearsed` (409)."""
    _decide(job, state=State.DISCARDED)
    ImportFile.objects.filter(of=job).update(content=None)


def _decide(job: Import, **values: Any) -> None:
    undecided = Import.objects.filter(pk=job.pk, state=State.REHEARSED)
    if not undecided.update(seen_at=timezone.now(), **values):
        raise NotRehearsed


def run_next() -> bool:
    """Rehearse or write the file that has waited longest; tell whether there was one.

    Where the database goes away in the middle, a rehearsal is claimed again after `LEASE`; what was
    being written is given up.
    """
    _give_up_silent()
    job = _claim()
    if job is None:
        return False
    try:
        _run(job)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # Whatever is wrong with one file must not keep the others, nor the mails.
        log.exception("import %s cannot be run", job.pk)
        _fail(job, "Something went wrong on our side; the log of the worker says what.")
    return True


@transaction.atomic
def _give_up_silent() -> None:
    """End what no worker speaks of any more: what was being written is never written twice."""
    silent = Import.objects.filter(seen_at__lt=timezone.now() - LEASE)
    written = silent.filter(state=State.WRITING)
    written.update(state=State.BROKEN_OFF, error=BROKEN_OFF, seen_at=timezone.now())
    tried = silent.filter(state=State.REHEARSING, attempts__gte=MOST_ATTEMPTS)
    tried.update(state=State.REFUSED, error=HOPELESS, seen_at=timezone.now())


@transaction.atomic
def _claim() -> Import | None:
    silent = Q(state=State.REHEARSING, seen_at__lt=timezone.now() - LEASE)
    waiting = Import.objects.filter(Q(state__in=RUNNING) | silent).order_by("seen_at", "pk")
    job = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if job is not None:
        job.state = RUNNING.get(State(job.state), State(job.state))
        job.seen_at, job.rows_done, job.attempts = timezone.now(), 0, job.attempts + 1
        job.save(update_fields=["state", "seen_at", "rows_done", "attempts"])
    return job


def _run(job: Import) -> None:
    actor = User.objects.select_related("client").get(pk=job.user_id)
    if not actor.is_staff:
        _end(job, State.REFUSED, "Who brought this in is no active administrator any more.")
        return
    content = ImportFile.objects.values_list("content", flat=True).get(of=job)
    try:
        table = read_table(io.BytesIO(content or b""))
        report = _look_or_write(job, table, actor)
    except FileRefused as fault:
        _end(job, State.REFUSED, fault.detail)
    except Conflict as fault:
        _end(job, State.REFUSED, f"{fault.detail} Nothing was written.")
    else:
        _settle(job, report)


def _look_or_write(job: Import, table: Table, actor: User) -> Report:
    with Progress(job) as progress:
        if job.state == State.REHEARSING:
            return rehearse(table, actor=actor, progress=progress)
        with coming_from(Origin(Door.ADMIN, job.address, job.request_id)):
            on_refusal = OnRefusal(job.on_refusal)
            return import_table(table, actor=actor, on_refusal=on_refusal, progress=progress)


@transaction.atomic
def _settle(job: Import, report: Report) -> None:
    is_rehearsal = job.state == State.REHEARSING
    ended = State.DONE if report.is_written else State.REFUSED
    is_ours = _speak(
        job,
        state=State.REHEARSED if is_rehearsal else ended,
        rows_done=report.done,
        rows_total=report.total,
        new=report.new,
        changed=report.changed,
        unchanged=report.unchanged,
        refused=report.refused,
        ignored_columns=", ".join(report.ignored_columns),
        error="" if is_rehearsal or report.is_written else "Rows were refused since the rehearsal.",
    )
    if not is_ours:
        return
    shown = [[r.row, r.column, r.detail] for r in report.refusals[:MOST_SHOWN]]
    kept: dict[str, Any] = {"report": b"".join(report.csv()), "refusals": shown}
    if not is_rehearsal:
        kept["content"] = None
    ImportFile.objects.filter(of=job).update(**kept)


def _fail(job: Import, error: str) -> None:
    """End what failed in a way that nobody foresaw: batch by batch, some may be written."""
    is_partly_written = job.state == State.WRITING and job.on_refusal == OnRefusal.SKIP
    if is_partly_written:
        _end(job, State.BROKEN_OFF, f"{error} {BROKEN_OFF}")
    else:
        _end(job, State.REFUSED, error)


@transaction.atomic
def _end(job: Import, state: State, error: str) -> None:
    if _speak(job, state=state, error=error):
        ImportFile.objects.filter(of=job).update(content=None)


def _speak(job: Import, **values: Any) -> bool:
    """Write what became of this run; tell whether it is the one that counts.

    A worker that was taken for dead says nothing any more of a rehearsal that another has done
    since. What it wrote itself it may say: nobody else writes that file.
    """
    said_of = [job.state, State.BROKEN_OFF] if job.state == State.WRITING else [job.state]
    ours = Import.objects.filter(pk=job.pk, attempts=job.attempts, state__in=said_of)
    return bool(ours.update(seen_at=timezone.now(), **values))


class Progress:
    """Writes how far a run is, once a second, through a connection of its own.

    What is written in the transaction of the import would show at its end. SQLite has one writer:
    during a rehearsal this is it, and while the import writes the page shows the number of before.
    """

    def __init__(self, job: Import) -> None:
        self.job = job
        self.due_at = time.monotonic()
        self.connection = connection.copy()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def __call__(self, done: int, whole: int) -> None:
        now = time.monotonic()
        if now < self.due_at or (connection.vendor == "sqlite" and connection.in_atomic_block):
            return
        self.due_at = now + 1
        with self.connection.cursor() as cursor:
            cursor.execute(
                "UPDATE imports SET rows_done = %s, rows_total = %s, seen_at = %s"
                " WHERE id = %s AND attempts = %s",
                [done, whole, timezone.now(), self.job.pk, self.job.attempts],
            )


def purge(*, limit: int) -> int:
    """Delete up to `limit` imports of 7 days ago, with their files and reports; return how many."""
    old = Import.objects.filter(seen_at__lt=timezone.now() - KEPT_FOR)
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:limit])
    Import.objects.filter(pk__in=ids).delete()
    return len(ids)

"""Importing a table: a rehearsal that writes nothing, and the import itself."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from django.db import IntegrityError, connection, transaction

from config.api.errors import Conflict
from config.audit.trail import Act, record_all
from users.bulk import Batch, save_batch
from users.lifecycle import (
    LastAdministrator,
    batches_of,
    lock,
    lock_administrators,
    require_administrator,
)
from users.models import User
from users.transfer.faults import Outcome, RowFault
from users.transfer.planning import Plan, Planner
from users.transfer.reports import Report
from users.transfer.rows import Row, read_row
from users.transfer.tables import Table

BATCH = 1000  # rows
TRIES = 3
IMPORTS_LOCK = 0x726F7374657231  # any number, the same in every process
CHANGED_MEANWHILE = RowFault("", "stale", "This was changed by someone else meanwhile.")
WOULD_LEAVE_NONE = RowFault("", "last_administrator", LastAdministrator.default_detail)

Progress = Callable[[int, int], None]  # called with how much is done, of how much
T = TypeVar("T")


class OnRefusal(StrEnum):
    """What a refused row does to the others."""

    STOP = "stop"  # nothing is written
    SKIP = "skip"  # they are


class Overtaken(Conflict):
    """409: others changed the same users again and again while the import was going on."""

    default_code = "overtaken"
    default_detail = "Others are changing the same users. Nothing was imported; try again."


def rehearse(table: Table, *, actor: User | None, progress: Progress | None = None) -> Report:
    """Return what an import would do now. Nothing is written and nobody waits.

    Raises `LastAdministrator` (409), as the import would.
    """
    return _Import(table, actor, progress or _silent, passes=1).rehearse()


def import_table(
    table: Table, *, actor: User | None, on_refusal: OnRefusal, progress: Progress | None = None
) -> Report:
    """Import and return what was done; `actor` is None for a command.

    With `STOP` it is one transaction: of a table with a refused row nothing is written. With `SKIP`
    each batch is one, and only what is refused is left out. Everything is planned anew, whatever a
    rehearsal has said. Raises `LastAdministrator` or `Overtaken` (409) with nothing written.
    """
    running = _Import(table, actor, progress or _silent, passes=2)
    return running.stop() if on_refusal is OnRefusal.STOP else running.skip()


class _Import:
    """One import of one table: first it plans all of it, then it plans again and writes."""

    planner: Planner  # of the present pass, as is the report
    report: Report

    def __init__(
        self, table: Table, actor: User | None, progress: Progress, *, passes: int
    ) -> None:
        self.table = table
        self.actor = actor
        self.progress = progress
        self.passes = passes
        self.id = secrets.token_hex(8)

    def _begin(self) -> None:
        self.planner = Planner(actor=self.actor)
        self.report = Report(self.id, self.table.total, self.table.columns.ignored)

    def rehearse(self) -> Report:
        self._begin()
        for rows in self._batches(0):
            self._tell(self.planner.plan(rows))
        if self.planner.leaves_no_administrator():
            raise LastAdministrator
        return self.report

    def stop(self) -> Report:
        for _ in range(TRIES):
            if self.rehearse().refused:
                return self.report
            try:
                return self._write_all()
            except (IntegrityError, _Refused):  # somebody was faster: see what is so now
                continue
        raise Overtaken

    @transaction.atomic
    def _write_all(self) -> Report:
        held, is_removing = self.planner.touched, bool(self.planner.leaving)
        self._begin()
        lock_imports()
        if is_removing:
            held = held | {*User.objects.administrators().active().values_list("pk", flat=True)}
        for ids in batches_of(sorted(held), BATCH):
            lock(User.objects.filter(pk__in=ids))
        # A generator: one call holds one lane, however many batches there are.
        record_all(self._written(held))
        if self.planner.leaving:
            require_administrator()
        self.report.is_written = True
        return self.report

    def _written(self, held: set[int]) -> Iterator[Act]:
        for rows in self._batches(1):
            plans = self._settle(rows, held)
            self._tell(plans)
            if self.report.refused:
                raise _Refused
            yield from self._save(plans)

    def skip(self) -> Report:
        self.rehearse()
        self._begin()
        put_off: list[Row] = []
        for rows in self._batches(1):
            put_off += self._write(rows)
        for part in parts_of(put_off):
            self._write(part, is_last=True)
        self.report.is_written = True
        return self.report

    def _write(self, rows: Sequence[Row], *, is_last: bool = False) -> list[Row]:
        """Write what is good of these rows; return those that take an administrator away.

        They come last: then those whom the table makes administrators are there.
        """
        try:
            with transaction.atomic():
                lock_imports()
                plans = self._settle(rows, set(), is_last=is_last)
                put_off = [] if is_last else [p.row for p in plans if p.removes_administrator]
                later = {row.number for row in put_off}
                plans = [plan for plan in plans if plan.row.number not in later]
                acts = self._save(plans)
                if is_last and self.planner.leaving:
                    require_administrator()
                record_all(acts)
        except IntegrityError:  # somebody was faster
            return self._write_in_halves(rows, is_last=is_last)
        except LastAdministrator:
            self._refuse(rows, WOULD_LEAVE_NONE)
            return []
        self._tell(plans)
        return put_off

    def _write_in_halves(self, rows: Sequence[Row], *, is_last: bool) -> list[Row]:
        if len(rows) == 1:
            self._refuse(rows, CHANGED_MEANWHILE)
            return []
        half = len(rows) // 2
        first = self._write(rows[:half], is_last=is_last)
        return first + self._write(rows[half:], is_last=is_last)

    def _settle(self, rows: Sequence[Row], held: set[int], *, is_last: bool = True) -> list[Plan]:
        """Plan rows until all that they change is held; `held` grows.

        Without `is_last` those that take an administrator away are not for now.
        """
        while True:
            plans = self.planner.plan(rows)
            removing = {plan.user.pk for plan in plans if plan.user and plan.removes_administrator}
            changing = {
                plan.user.pk for plan in plans if plan.user and plan.outcome is Outcome.CHANGED
            }
            missing = (changing if is_last else changing - removing) - held
            if not missing:
                return plans
            users = User.objects.filter(pk__in=missing)
            if missing & removing:
                lock_administrators(users)
            else:
                lock(users)
            held |= missing

    def _save(self, plans: list[Plan]) -> list[Act]:
        batch = Batch()
        for plan in plans:
            user = plan.user if plan.new is None else User(**plan.new)
            if user is None or plan.outcome not in (Outcome.NEW, Outcome.CHANGED):
                continue
            if plan.new is not None:
                batch.new.append(user)
            elif plan.changed:
                batch.changed.append((user, plan.changed))
            if plan.is_to_invite:
                batch.invited.append(user)
        return save_batch(batch, actor=self.actor, details={"import": self.id})

    def _batches(self, number: int) -> Iterator[list[Row]]:
        """Read the table in pass `number`, and tell how far it is."""
        whole = self.table.total * self.passes
        done = self.table.total * number
        columns = self.table.columns
        for records in parts_of(self.table.rows()):
            yield [read_row(record, columns) for record in records]
            done += len(records)
            self.progress(done, whole)

    def _tell(self, plans: list[Plan]) -> None:
        for plan in plans:
            self.report.add(plan.row.number, plan.outcome, plan.faults)

    def _refuse(self, rows: Sequence[Row], fault: RowFault) -> None:
        for row in rows:
            self.report.add(row.number, Outcome.REFUSED, [fault])


class _Refused(Exception):
    """A row that was good before is refused now; what was written is taken back."""


def lock_imports() -> None:
    """Let one import at a time write: two with the same users would wait for each other."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMPORTS_LOCK])


def parts_of(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, BATCH)):
        yield part


def _silent(done: int, whole: int) -> None:
    pass

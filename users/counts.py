"""How many users there are, by client and status or by id, without counting them."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Self

from django.core.checks import CheckMessage, Error, Tags, Warning as CheckWarning, register
from django.db import connection, models, transaction
from django.db.models import Q, Sum, Value
from typing_extensions import override

from users.counting import (
    BLOCK_BITS,
    BLOCKS,
    COUNTS,
    FOLD,
    MISCOUNTED,
    RECOUNT,
    TALLIES,
    Tally,
    missing_triggers,
)

ADMINISTRATORS = 0  # in place of a client's id
STATUSES = ("invited", "active", "inactive")  # as `User.status` has them
BATCH = 10_000  # appended rows that are folded at once
SAID = 10  # wrong counts in a message
NO_TRIGGER = "users.E001"
MISCOUNTS = "users.W002"


class Miscount(NamedTuple):
    """A number that differs from the users that are there."""

    table: str
    key: tuple[Any, ...]
    counted: int
    present: int

    @override
    def __str__(self) -> str:
        return f"{self._who()}: {self.counted} instead of {self.present}"

    def _who(self) -> str:
        if self.table == BLOCKS.table:
            block, role, status = self.key
            first = block << BLOCK_BITS
            return f"ids from {first} to {first + (1 << BLOCK_BITS) - 1}, {role}, {status}"
        client_id, status = self.key
        whose = f"client {client_id}" if client_id else "administrators"
        return f"{whose}, {status}"


class TallyQuerySet(models.QuerySet[Any]):
    """What tallies have in common; chainable, by the names that the same has among users."""

    def with_role(self, role: str) -> Self:
        return self.filter(role=role)

    def active(self) -> Self:
        """Keep the users whose `active` is true, those invited among them."""
        return self.exclude(status="inactive")

    def with_status(self, status: str) -> Self:
        return self.filter(status=status)

    def narrowed(
        self, *, role: str | None = None, active: bool | None = None, status: str | None = None
    ) -> Self:
        """Keep what the filters of these names keep of a list of users; None is no filter."""
        counts = self if role is None else self.with_role(role)
        counts = counts if status is None else counts.with_status(status)
        if active is None:
            return counts
        return counts.active() if active else counts.with_status("inactive")


class UserBlockQuerySet(TallyQuerySet):
    """Where among all users an id stands."""

    def seek(self, number: int, *, is_descending: bool) -> tuple[int, int] | None:
        """Return which block has the user behind `number` others, and how many stand before it.

        None where there are not so many.
        """
        order = "-block" if is_descending else "block"
        before = 0
        for block, users in self.values_list("block").annotate(Sum("number")).order_by(order):
            if number < before + users:
                return block, before
            before += users
        return None


class UserCountQuerySet(TallyQuerySet):
    """Chainable, by the names that the same has among users."""

    def administrators(self) -> Self:
        return self.filter(client_id=ADMINISTRATORS)

    def regular(self) -> Self:
        return self.exclude(client_id=ADMINISTRATORS)

    @override
    def with_role(self, role: str) -> Self:
        return self.administrators() if role == "administrator" else self.regular()

    def of_client(self, client_id: int) -> Self:
        return self.filter(client_id=client_id).regular()

    @override
    def narrowed(
        self,
        *,
        client_id: int | None = None,
        role: str | None = None,
        active: bool | None = None,
        status: str | None = None,
    ) -> Self:
        counts = self if client_id is None else self.of_client(client_id)
        return super(UserCountQuerySet, counts).narrowed(role=role, active=active, status=status)

    def sums(self) -> Any:
        """Return the sum of the numbers as a query, of NULL where there are none."""
        together = self.annotate(all=Value(1)).values("all")
        return together.annotate(total=Sum("number")).order_by().values_list("total")

    def total(self) -> int:
        return self.aggregate(total=Sum("number"))["total"] or 0

    def by_role_and_status(self) -> dict[tuple[bool, str], int]:
        """Return all numbers of users; True stands for administrators."""
        role = {True: Q(client_id=ADMINISTRATORS), False: ~Q(client_id=ADMINISTRATORS)}
        parts = {
            f"{status}_{is_administrator}": Sum(
                "number", filter=role[is_administrator] & Q(status=status)
            )
            for is_administrator in role
            for status in STATUSES
        }
        sums = self.aggregate(**parts)  # no GROUP BY: that would sort all rows
        return {(r, status): sums[f"{status}_{r}"] or 0 for r in role for status in STATUSES}

    def largest_clients(self, limit: int) -> dict[int, int]:
        """Return the users of the clients that have most, by the client's id, largest first."""
        sums = self.regular().values("client_id").annotate(total=Sum("number"))
        largest = sums.filter(total__gt=0).order_by("-total", "client_id")[:limit]
        return dict(largest.values_list("client_id", "total"))


class UserCountManager(models.Manager.from_queryset(UserCountQuerySet)):  # type: ignore[misc] # a class made at run time
    """Keeps the rows few."""

    def fold(self) -> None:
        """Add up what PostgreSQL's triggers appended; waits for nobody, and nobody for it."""
        if connection.vendor != "postgresql":
            return
        for tally, rows in ((COUNTS, self), (BLOCKS, UserBlock.objects)):
            appended = rows.filter(folded=False).count()
            with connection.cursor() as cursor:
                if appended >= BATCH:  # the plan for many rows needs to know that they are many
                    cursor.execute(f"ANALYZE (SKIP_LOCKED) {tally.table}")
                for _ in range(0, appended, BATCH):
                    cursor.execute(FOLD[tally.table], [BATCH])

    def miscounts(self) -> list[Miscount]:
        """Count the users and return what differs; reads the whole table."""
        return [Miscount(tally.table, *row) for tally in TALLIES for row in self._differing(tally)]

    @staticmethod
    def _differing(tally: Tally) -> Iterator[tuple[tuple[Any, ...], int, int]]:
        with connection.cursor() as cursor:
            cursor.execute(MISCOUNTED[tally.table])
            for *key, counted, present in cursor.fetchall():
                yield tuple(key), int(counted), int(present)

    @transaction.atomic
    def recount(self) -> list[Miscount]:
        """Count anew and return what was wrong; nobody writes users meanwhile.

        For who has switched the triggers off, or loaded the counts of a dump beside its users.
        """
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                tables = ", ".join(["users", *(tally.table for tally in TALLIES)])
                cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
            wrong = self.miscounts()
            for statement in RECOUNT:
                cursor.execute(statement)
        return wrong


class UserCount(models.Model):
    """A part of how many users of a client have a status: all rows of a key are to be added up.

    Not managed by Django, or `manage.py flush` would empty it beside the triggers that keep it.
    """

    client_id = models.BigIntegerField()  # `ADMINISTRATORS` for users without client
    status = models.TextField()
    number = models.BigIntegerField()
    folded = models.BooleanField()  # false: one change, as a trigger appended it

    objects: ClassVar[UserCountManager] = UserCountManager()

    class Meta:
        db_table = "user_counts"
        managed = False
        indexes = (
            models.Index(fields=("client_id", "status", "number"), name="user_counts_key"),
            models.Index("id", name="user_counts_appended", condition=models.Q(folded=False)),
        )

    @override
    def __str__(self) -> str:
        return f"{self.client_id} {self.status} {self.number:+}"


class UserBlock(models.Model):
    """A part of how many users of a role and status a block of ids has.

    All rows of a key are to be added up, as of `UserCount`; not managed either.
    """

    block = models.BigIntegerField()  # an id without its last `BLOCK_BITS` bits
    role = models.TextField()
    status = models.TextField()
    number = models.BigIntegerField()
    folded = models.BooleanField()

    objects: ClassVar[Any] = UserBlockQuerySet.as_manager()

    class Meta:
        db_table = "user_blocks"
        managed = False
        indexes = (
            models.Index(fields=("block", "role", "status", "number"), name="user_blocks_key"),
            models.Index("id", name="user_blocks_appended", condition=models.Q(folded=False)),
        )

    @override
    def __str__(self) -> str:
        return f"{self.block} {self.role} {self.status} {self.number:+}"


def said(wrong: list[Miscount]) -> str:
    more = f"; and {len(wrong) - SAID} more" if len(wrong) > SAID else ""
    return "; ".join(map(str, wrong[:SAID])) + more


@register(Tags.database)
def check_counts(databases: Any = None, **options: Any) -> list[CheckMessage]:
    """Say which triggers are missing, else what is miscounted, once migrations have made them."""
    tables = {tally.table for tally in TALLIES}
    if not databases or not tables <= set(connection.introspection.table_names()):
        return []
    if missing := missing_triggers():
        hint = (
            "Make them again by a migration, see users/counting.py; then `manage.py recount_users`."
        )
        return [
            Error(f"The trigger {name} is missing: users are miscounted.", hint=hint, id=NO_TRIGGER)
            for name in missing
        ]
    if wrong := UserCount.objects.miscounts():  # figures alone: no reason to stop an upgrade
        text = f"Users are miscounted, as after loading a dump: {said(wrong)}."
        return [CheckWarning(text, hint="Run `manage.py recount_users`.", id=MISCOUNTS)]
    return []

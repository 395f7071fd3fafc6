"""How many users there are, by client and status, without counting them."""

from typing import Any, ClassVar, NamedTuple

from django.core.checks import CheckMessage, Error, Tags, Warning as CheckWarning, register
from django.db import connection, models, transaction
from django.db.models import Q, Sum, Value
from typing_extensions import override

from users.counting import FOLD, MISCOUNTED, RECOUNT, missing_triggers

ADMINISTRATORS = 0  # in place of a client's id
STATUSES = ("invited", "active", "inactive")  # as `User.status` has them
BATCH = 10_000  # appended rows that are folded at once
SAID = 10  # wrong counts in a message
NO_TRIGGER = "users.E001"
MISCOUNTS = "users.W002"


class Miscount(NamedTuple):
    """A number that differs from the users that are there."""

    client_id: int
    status: str
    counted: int
    present: int

    @override
    def __str__(self) -> str:
        whose = f"client {self.client_id}" if self.client_id else "administrators"
        return f"{whose}, {self.status}: {self.counted} instead of {self.present}"


class UserCountQuerySet(models.QuerySet["UserCount"]):
    """Chainable, by the names that the same has among users."""

    def administrators(self) -> "UserCountQuerySet":
        return self.filter(client_id=ADMINISTRATORS)

    def regular(self) -> "UserCountQuerySet":
        return self.exclude(client_id=ADMINISTRATORS)

    def with_role(self, role: str) -> "UserCountQuerySet":
        return self.administrators() if role == "administrator" else self.regular()

    def of_client(self, client_id: int) -> "UserCountQuerySet":
        return self.filter(client_id=client_id).regular()

    def active(self) -> "UserCountQuerySet":
        """Keep the users whose `active` is true, those invited among them."""
        return self.exclude(status="inactive")

    def with_status(self, status: str) -> "UserCountQuerySet":
        return self.filter(status=status)

    def narrowed(
        self,
        *,
        client_id: int | None = None,
        role: str | None = None,
        active: bool | None = None,
        status: str | None = None,
    ) -> "UserCountQuerySet":
        """Keep what the filters of these names keep of a list of users; None is no filter."""
        counts = self if client_id is None else self.of_client(client_id)
        counts = counts if role is None else counts.with_role(role)
        counts = counts if status is None else counts.with_status(status)
        if active is None:
            return counts
        return counts.active() if active else counts.with_status("inactive")

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
        appended = self.filter(folded=False).count()
        with connection.cursor() as cursor:
            if appended >= BATCH:  # the plan for many rows needs to know that they are many
                cursor.execute("ANALYZE (SKIP_LOCKED) user_counts")
            for _ in range(0, appended, BATCH):
                cursor.execute(FOLD, [BATCH])

    def miscounts(self) -> list[Miscount]:
        """Count the users and return what differs; reads the whole table."""
        with connection.cursor() as cursor:
            cursor.execute(MISCOUNTED)
            return [
                Miscount(client_id, status, int(counted), int(present))
                for client_id, status, counted, present in cursor.fetchall()
            ]

    @transaction.atomic
    def recount(self) -> list[Miscount]:
        """Count anew and return what was wrong; nobody writes users meanwhile.

        For who has switched the triggers off, or loaded the counts of a dump beside its users.
        """
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("LOCK TABLE users, user_counts IN SHARE ROW EXCLUSIVE MODE")
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


def said(wrong: list[Miscount]) -> str:
    more = f"; and {len(wrong) - SAID} more" if len(wrong) > SAID else ""
    return "; ".join(map(str, wrong[:SAID])) + more


@register(Tags.database)
def check_counts(databases: Any = None, **options: Any) -> list[CheckMessage]:
    """Say which triggers are missing, else what is miscounted, once the migration has made them."""
    if not databases or UserCount._meta.db_table not in connection.introspection.table_names():
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

"""What each row of a table would do, read from the database and never written to it.

A table means the same in any order: what it asks for is judged against the users who were there
before it. So a row may not take the email of another user, whatever becomes of that user in other
rows, and of two good rows about one user, or with one email, the later is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from clients.models import Client
from users.changes import may_remove_administrator
from users.models import User, may_enter
from users.policies import Change, terms
from users.transfer.faults import Outcome, RowFault
from users.transfer.lookups import Ambiguous, Clients
from users.transfer.rows import Row

FIELDS = ("name", "email", "active")
TAKEN = "A user with this email already exists."
CLIENT_OF_ADMINISTRATOR = "An administrator has no client: leave the client empty."
NOT_INVITABLE = "Nobody inactive can be invited."
OWN_EMAIL = "Changing your own email needs your password: do it at your own user."


@dataclass(slots=True)
class Plan:
    """What becomes of a row: a new user of these values, or the one there is and what differs."""

    row: Row
    outcome: Outcome = Outcome.REFUSED
    faults: list[RowFault] = field(default_factory=list)
    user: User | None = None
    new: dict[str, Any] | None = None
    changed: dict[str, Any] = field(default_factory=dict)
    is_to_invite: bool = False

    def refuse(self, column: str, code: str, detail: str) -> None:
        self.faults.append(RowFault(column, code, detail))

    def forgive(self, column: str) -> None:
        self.faults = [fault for fault in self.faults if fault.column != column]

    def faults_in(self, *columns: str) -> bool:
        return any(fault.column in columns for fault in self.faults)

    @property
    def removes_administrator(self) -> bool:
        if self.user is None or self.outcome is not Outcome.CHANGED:
            return False
        return may_remove_administrator(self.user, {"client": self.user.client, **self.changed})


@dataclass(slots=True)
class Found:
    """What the database has of a batch."""

    users: dict[int, User]
    holders: dict[str, int]  # email: id


class Planner:
    """Plans the rows of one table, batch by batch. Asked again about a row it may judge anew."""

    def __init__(self, *, actor: User | None) -> None:
        self.actor = actor
        self.clients = Clients()
        # Hashes, as 200,000 emails are more to keep; hash: the row that came first.
        self.claimed_emails: dict[int, int] = {}
        self.claimed_users: dict[int, int] = {}
        self.released_emails: dict[int, int] = {}
        self.last_id: int = User.objects.aggregate(last=Max("pk"))["last"] or 0
        self.leaving: set[int] = set()  # administrators with a password
        self.touched: set[int] = set()
        self.gains_administrator = False

    def plan(self, rows: Sequence[Row]) -> list[Plan]:
        """Judge a batch: two queries on users and two on clients, but for rare spellings."""
        values = [row.values for row in rows]
        self.clients.learn(
            (found["client_id"] for found in values if "client_id" in found),
            (found["client"] for found in values if "client" in found),
        )
        found = self._find(rows)
        plans = [self._judge(row, found) for row in rows]
        for plan in plans:
            if plan.user is not None and plan.outcome is Outcome.CHANGED:
                self._note(plan, plan.user)
        return plans

    def leaves_no_administrator(self) -> bool:
        """Tell whether the whole table would, as the database is now."""
        if not self.leaving or self.gains_administrator:
            return False
        return bool(User.objects.administering().count() <= len(self.leaving))

    def _find(self, rows: Sequence[Row]) -> Found:
        emails = {row.values["email"] for row in rows if "email" in row.values}
        held = User.objects.filter(email__in=emails)
        holders = dict(held.order_by().values_list("email", "pk"))
        ids = {row.values["id"] for row in rows if "id" in row.values}
        users = User.objects.select_related("client").filter(pk__in=ids | {*holders.values()})
        return Found({user.pk: user for user in users.order_by()}, holders)

    def _judge(self, row: Row, found: Found) -> Plan:
        plan = Plan(row, faults=list(row.own_faults))
        plan.user = self._match(plan, found)
        if plan.user is not None:
            self._change(plan, plan.user)
        elif "email" in row.values and not plan.faults_in("id", "email"):
            if not self._is_released(row, row.values["email"]):
                self._make(plan)
        self._claim(plan)
        if plan.faults:
            plan.outcome = Outcome.REFUSED
        return plan

    def _match(self, plan: Plan, found: Found) -> User | None:
        """Return whom the row is about; None for a new user, and where there is a fault."""
        row = plan.row
        email: str = row.values.get("email", "")
        holder = found.holders.get(email, 0)
        if "id" in row.values:
            user_id = row.values["id"]
            # Whoever came while this goes on was not there before the table.
            user = found.users.get(user_id) if user_id <= self.last_id else None
            if user is None:
                plan.refuse("id", "does_not_exist", "There is no user with this id.")
            elif email not in ("", user.email) and (holder or self._is_released(row, email)):
                plan.refuse("email", "unique", TAKEN)
            return user
        if "id" in row.text:
            return None
        if "email" not in row.text:
            plan.refuse("email", "required", "Give the email, or the id of an existing user.")
        user = found.users.get(holder)
        if user is not None and user.email != email:  # since a moment ago
            plan.refuse("email", "stale", "This was changed by someone else meanwhile.")
        return user

    def _is_released(self, row: Row, email: str) -> bool:
        """Tell whether another row takes this email from a user who has it, or had it just now."""
        return self.released_emails.get(hash(email), row.number) != row.number

    def _claim(self, plan: Plan) -> None:
        row, user = plan.row, plan.user
        email = row.values.get("email")
        column = "id" if "id" in row.values else "email"
        # A row that is refused anyway stands in nobody's way.
        claim = dict.get if plan.faults else dict.setdefault
        by_user = claim(self.claimed_users, user.pk, row.number) if user else row.number
        if email is not None:
            if user is None and column == "email":
                by_user = self.released_emails.get(hash(email), by_user)
            by_email = claim(self.claimed_emails, hash(email), row.number)
            if by_email != row.number and by_user == row.number:
                plan.refuse("email", "duplicate", f"Row {by_email} has the same email.")
        if by_user != row.number:
            plan.refuse(column, "duplicate", f"Row {by_user} is about the same user.")

    def _make(self, plan: Plan) -> None:
        row = plan.row
        if "name" not in row.text:
            plan.refuse("name", "required", "A new user needs a name.")
        client = self._client(plan)
        role = row.values.get("role")
        if client is None and not plan.faults_in("client", "client_id", "role"):
            if role != "administrator":
                detail = "A new user needs a client, or the role administrator without one."
                plan.refuse("client", "required", detail)
        elif client is not None and role == "administrator":
            plan.refuse("role", "mismatch", CLIENT_OF_ADMINISTRATOR)
        active = row.values.get("active", True)
        plan.is_to_invite = row.values.get("invite", False)
        if plan.is_to_invite and not may_enter(active, client):
            plan.refuse("invite", "inactive", NOT_INVITABLE)
        if not plan.faults:
            values = {name: row.values[name] for name in ("name", "email")}
            plan.new = {**values, "client": client, "active": active}
            plan.outcome = Outcome.NEW

    def _change(self, plan: Plan, user: User) -> None:
        row = plan.row
        for name in FIELDS:
            if row.text.get(name) == getattr(user, name):
                plan.forgive(name)  # older rules let it in; it stays
            elif name in row.values and row.values[name] != getattr(user, name):
                plan.changed[name] = row.values[name]
        self._change_client(plan, user)
        if "email" in plan.changed and self.actor is not None:
            if terms("email", actor=self.actor, user=user) is not Change.FREE:
                plan.refuse("email", "own_email", OWN_EMAIL)
        # Who has a password needs no invitation: the same table may come again.
        plan.is_to_invite = row.values.get("invite", False) and not user.has_usable_password()
        active, client = (plan.changed.get(n, getattr(user, n)) for n in ("active", "client"))
        if plan.is_to_invite and not may_enter(active, client):
            plan.refuse("invite", "inactive", NOT_INVITABLE)
        is_changed = plan.changed or plan.is_to_invite
        plan.outcome = Outcome.CHANGED if is_changed else Outcome.UNCHANGED

    def _change_client(self, plan: Plan, user: User) -> None:
        """Between administrator and regular user goes only who has the role spelt in their row."""
        client = self._client(plan)
        if plan.faults_in("client", "client_id", "role"):
            return
        role = plan.row.values.get("role")
        if role == "administrator":
            if client is not None:
                plan.refuse("role", "mismatch", CLIENT_OF_ADMINISTRATOR)
            elif not user.is_administrator:
                plan.changed["client"] = None
        elif client is not None:
            if user.is_administrator and role is None:
                plan.refuse(
                    "role", "required", "An administrator stays one unless this is regular."
                )
            elif client.pk != user.client_id:
                plan.changed["client"] = client
        elif user.is_administrator and role == "regular":
            plan.refuse("client", "required", "A regular user needs a client.")

    def _client(self, plan: Plan) -> Client | None:
        """Return the client that the row names; None where it names none, or none that there is."""
        values = plan.row.values
        found: list[Client] = []
        if "client_id" in values:
            if client := self.clients.with_id(values["client_id"]):
                found.append(client)
            else:
                plan.refuse("client_id", "does_not_exist", "There is no client with this id.")
        if "client" in values:
            try:
                if client := self.clients.named(values["client"]):
                    found.append(client)
                else:
                    plan.refuse("client", "does_not_exist", "There is no client with this name.")
            except Ambiguous:
                detail = "Several clients have this name: give the `client_id`."
                plan.refuse("client", "ambiguous", detail)
        if len({client.pk for client in found}) > 1:
            plan.refuse("client", "mismatch", "This is not the client with this id.")
        return found[0] if found else None

    def _note(self, plan: Plan, user: User) -> None:
        """Keep what is asked of the whole table later."""
        self.touched.add(user.pk)
        if "email" in plan.changed:
            self.released_emails.setdefault(hash(user.email), plan.row.number)
        if not user.has_usable_password():
            return
        if plan.removes_administrator:
            self.leaving.add(user.pk)
        active, client = (plan.changed.get(n, getattr(user, n)) for n in ("active", "client"))
        if active and client is None and not (user.active and user.is_administrator):
            self.gains_administrator = True

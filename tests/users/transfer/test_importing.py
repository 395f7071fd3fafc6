"""What an import does, and what it refuses."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from config.audit.models import AuditEvent
from config.audit.trail import Act
from tests.factories import (
    AdministratorFactory,
    ClientFactory,
    InvitedFactory,
    UserFactory,
    as_row,
)
from tests.users.transfer.tables import counts, faults, imported, rehearsed
from users.bulk import Batch, save_batch
from users.lifecycle import LastAdministrator
from users.models import Mail, Session, User
from users.transfer.importing import BATCH, OnRefusal, Overtaken, import_table
from users.transfer.tables import read_table

pytestmark = pytest.mark.django_db


def everything() -> list[dict[str, Any]]:
    models: tuple[Any, ...] = (User, Mail, Session, AuditEvent, Client)
    return [row for model in models for row in model.objects.order_by("pk").values()]


def test_makes_whom_it_does_not_find(acme: Client, administrator: User) -> None:
    report = imported(
        "email,name,client,role,active,invite\n"
        "A@Example.com,Ann,ACME,,,\n"
        "b@example.com, Bob ,acme,regular,no,\n"
        "c@example.com,Cy,,administrator,yes,\n"
        "d@example.com,Di,Acme,,,YES\n",
        actor=administrator,
    )

    made = User.objects.exclude(pk=administrator.pk)
    assert counts(report) == (4, 0, 0, 0)
    assert [*made.values_list("name", "email", "client", "active")] == [
        ("Ann", "a@example.com", acme.pk, True),
        ("Bob", "b@example.com", acme.pk, False),
        ("Cy", "c@example.com", None, True),
        ("Di", "d@example.com", acme.pk, True),
    ]
    assert [user.status for user in made] == ["invited", "inactive", "invited", "invited"]
    assert [*Mail.objects.values_list("kind", "recipient")] == [("invitation", "d@example.com")]


def test_records_each_act_with_the_import(administrator: User, regular: User, acme: Client) -> None:
    report = imported(
        f"id,name,email,client_id,invite\n{regular.pk},Rita II,,,\n"
        f",Ann,a@example.com,{acme.pk},1\n",
        actor=administrator,
    )

    events = AuditEvent.objects.order_by("number")
    assert [(e.event, e.actor_id, e.target) for e in events] == [
        ("user_created", administrator.pk, "a@example.com"),
        ("user_updated", administrator.pk, "rita@example.com"),
        ("invitation_sent", administrator.pk, "a@example.com"),
    ]
    assert json.loads(events[0].changes)["client_id"] == [None, acme.pk]
    assert json.loads(events[1].changes) == {"name": ["Rita Regular", "Rita II"]}
    assert [json.loads(e.details).get("import") for e in events] == [report.id, report.id, None]


def test_changes_only_what_differs(regular: User, globex: Client) -> None:
    before = as_row(regular)

    same = imported("email,name,client,active\nRITA@example.com,Rita Regular,,\n")
    assert (counts(same), as_row(regular)) == ((0, 0, 1, 0), before)

    other = imported(f"id,client_id,active\n{regular.pk},{globex.pk},false\n")
    assert counts(other) == (0, 1, 0, 0)
    changed = {"client_id": globex.pk, "active": False}
    assert {**as_row(regular), "updated_at": 0} == {**before, **changed, "updated_at": 0}


def test_ends_sessions_as_a_change_of_one_does(regular: User, stranger: User, login: Any) -> None:
    login(regular)
    login(stranger)

    imported(f"id,active,name\n{regular.pk},no,\n{stranger.pk},,Stan II\n")

    assert [session.user for session in Session.objects.all()] == [stranger]
    (event,) = AuditEvent.objects.filter(event="user_updated", target_id=regular.pk)
    assert json.loads(event.details)["sessions_ended"] == 1


def test_tells_both_addresses_of_a_new_email(regular: User) -> None:
    invited = InvitedFactory()

    imported(f"id,email\n{regular.pk},r@example.com\n{invited.pk},i@example.com\n")

    assert sorted(Mail.objects.values_list("kind", "recipient")) == [
        ("email_changed", "r@example.com"),
        ("email_changed", "rita@example.com"),
        ("invitation", "i@example.com"),
    ]


def test_invites_anew_who_has_no_password(regular: User) -> None:
    invited = InvitedFactory()

    report = imported(f"id,invite\n{invited.pk},true\n{regular.pk},true\n")

    assert counts(report) == (0, 1, 1, 0)
    assert [mail.user for mail in Mail.objects.all()] == [invited]
    assert invited.link_cutoff.pk


ROWS = {
    "id,email\n999999,x@example.com": ("id", "does_not_exist"),
    "id,name\n0,X": ("id", "invalid"),
    "id,name\n1.5,X": ("id", "invalid"),
    "name,email\nX,": ("email", "required"),
    "name,email,client\nX,x,acme": ("email", "invalid"),
    "name,email,client\n,x@example.com,acme": ("name", "required"),
    "name,email,client\n\u202ex,x@example.com,acme": ("name", "invalid"),
    f"name,email,client\n{'x' * 300},x@example.com,acme": ("name", "max_length"),
    f"name,email,client\n{'x' * 5000},x@example.com,acme": ("name", "max_length"),
    "name,email\nX,x@example.com": ("client", "required"),
    "name,email,role\nX,x@example.com,regular": ("client", "required"),
    "name,email,role\nX,x@example.com,boss": ("role", "invalid"),
    "name,email,role,client\nX,x@example.com,administrator,acme": ("role", "mismatch"),
    "name,email,client\nX,x@example.com,nobody": ("client", "does_not_exist"),
    "name,email,client_id\nX,x@example.com,999999": ("client_id", "does_not_exist"),
    "name,email,client,active\nX,x@example.com,acme,maybe": ("active", "invalid"),
    "name,email,client,active,invite\nX,x@example.com,acme,no,yes": ("invite", "inactive"),
    "name,email,client,invite\nX,x@example.com,asleep,yes": ("invite", "inactive"),
    "email,client\nada@example.com,acme": ("role", "required"),
    "email,role\nada@example.com,regular": ("client", "required"),
    "email,role,client\nrita@example.com,administrator,acme": ("role", "mismatch"),
    "email,client\nrita@example.com,acme,more": ("", "invalid"),
}


@pytest.mark.parametrize(("text", "fault"), ROWS.items())
@pytest.mark.parametrize("skip", [True, False])
def test_refuses_a_row_and_changes_nothing(
    administrator: User, regular: User, text: str, fault: tuple[str, str], skip: bool
) -> None:
    ClientFactory(name="Asleep", active=False)
    before = everything()

    report = imported(text, skip=skip)

    assert faults(report) == [(2, *fault)]
    assert faults(rehearsed(text)) == faults(report)
    assert everything() == before


def test_refuses_clients_that_do_not_agree(acme: Client, globex: Client) -> None:
    head = "name,email,client_id,client\n"

    report = imported(f"{head}X,x@example.com,{acme.pk},Globex\nY,y@example.com,{acme.pk},ACME\n")

    assert faults(report) == [(2, "client", "mismatch")]
    assert not report.is_written


def test_one_refused_row_stops_all_or_is_skipped(acme: Client) -> None:
    text = "name,email,client\nX,x@example.com,acme\nY,y,acme\nZ,z@example.com,acme\n"
    before = everything()

    stopped = imported(text)
    assert (counts(stopped), stopped.is_written) == ((2, 0, 0, 1), False)
    assert everything() == before

    skipped = imported(text, skip=True)
    assert (counts(skipped), skipped.is_written) == ((2, 0, 0, 1), True)
    assert [*User.objects.values_list("name", flat=True)] == ["X", "Z"]


def test_a_rehearsal_writes_nothing(acme: Client, regular: User) -> None:
    before = everything()

    with CaptureQueriesContext(connection) as queries:
        report = rehearsed(
            f"id,name,email,client,invite\n{regular.pk},R,,,\n,X,x@e.example,acme,1\n"
        )

    assert (counts(report), report.is_written) == ((1, 1, 0, 0), False)
    assert everything() == before
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_swapped_emails_are_refused_in_any_order(
    regular: User, stranger: User, order: int, skip: bool
) -> None:
    rows = [f"{regular.pk},stan@example.com", f"{stranger.pk},rita@example.com"][::order]

    report = imported("id,email\n" + "\n".join(rows), skip=skip)

    assert faults(report) == [(2, "email", "unique"), (3, "email", "unique")]
    assert regular.email == as_row(regular)["email"]


@pytest.mark.parametrize("apart", [0, BATCH])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("second", ["{0},,rita@example.com", ",X,rita@example.com"])
def test_an_email_given_up_in_the_file_stays_taken(
    regular: User, stranger: User, second: str, skip: bool, apart: int
) -> None:
    """As in a rehearsal, which writes nothing, whether in one batch or in two."""
    between = "".join(f",U,u{n}@example.com,acme\n" for n in range(apart))
    row = second.format(stranger.pk)
    text = f"id,name,email,client\n{regular.pk},,new@example.com,\n{between}{row},\n"

    report = imported(text, skip=skip)

    assert [fault[:2] for fault in faults(report)] == [(3 + apart, "email")]
    assert User.objects.filter(email="new@example.com").exists() == skip
    assert as_row(stranger)["email"] == "stan@example.com"


def test_a_later_row_about_the_same_user_is_refused(regular: User, acme: Client) -> None:
    report = imported(
        f"id,name,email,client\n{regular.pk},One,,\n,Two,rita@example.com,\n"
        f"{regular.pk},Three,,\n,New,n@example.com,acme\n,Newer,N@example.com,acme\n",
        skip=True,
    )

    assert faults(report) == [
        (3, "email", "duplicate"), (4, "id", "duplicate"), (6, "email", "duplicate")
    ]  # fmt: skip
    assert report.refusals[0].detail == "Row 2 is about the same user."
    assert as_row(regular)["name"] == "One"


def test_roles_change_only_where_they_are_spelt(administrator: User, acme: Client) -> None:
    AdministratorFactory()
    rita = UserFactory(client=acme)

    report = imported(
        f"id,role,client\n{administrator.pk},regular,acme\n{rita.pk},administrator,\n"
    )

    assert counts(report) == (0, 2, 0, 0)
    assert (as_row(administrator)["client_id"], as_row(rita)["client_id"]) == (acme.pk, None)


def test_ones_own_email_needs_ones_password(administrator: User) -> None:
    text = f"id,email,name\n{administrator.pk},a@example.com,Ada II\n"
    before = everything()

    assert faults(imported(text, actor=administrator, skip=True)) == [(2, "email", "own_email")]
    assert everything() == before
    assert counts(imported(text)) == (0, 1, 0, 0)


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("row", ["{0},no,,", "{0},,regular,acme"])
def test_never_leaves_nobody_who_administers(
    administrator: User, acme: Client, row: str, skip: bool
) -> None:
    InvitedFactory(client=None)  # cannot get in as yet
    row = row.format(administrator.pk)
    text = f"id,active,role,client,name,email\n,,,acme,X,x@example.com\n{row},,\n"
    before = everything()

    with pytest.raises(LastAdministrator):
        imported(text, skip=skip)
    with pytest.raises(LastAdministrator):
        rehearsed(text)
    assert everything() == before


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("apart", [0, BATCH])
def test_one_administrator_may_follow_another(
    administrator: User, regular: User, acme: Client, skip: bool, apart: int
) -> None:
    between = "".join(f",U,u{n}@example.com,acme,\n" for n in range(apart))

    report = imported(
        f"id,name,email,client,role\n{administrator.pk},,,acme,regular\n{between}"
        f"{regular.pk},,,,administrator\n",
        skip=skip,
    )

    assert report.refused == 0
    assert [*User.objects.administrators()] == [regular]


def test_what_older_rules_let_in_may_stay(acme: Client) -> None:
    odd = UserFactory(client=acme, name="a\tb", email="odd address@example")

    report = imported(f'id,name,email,active\n{odd.pk},"a\tb",odd address@example,no\n')

    assert counts(report) == (0, 1, 0, 0)
    assert as_row(odd)["active"] is False


def test_the_report_has_every_row(acme: Client) -> None:
    report = imported("name,email,client,status\nX,x@example.com,acme,\n=,y,nobody,x\n", skip=True)

    assert report.ignored_columns == ("status",)
    assert b"".join(report.csv()).decode().splitlines() == [
        "row,outcome,column,code,detail",
        "2,new,,,",
        "3,refused,email,invalid,Enter a valid email address.",
    ]


def test_tells_how_far_it_is(acme: Client) -> None:
    text = "name,email,client\n" + "".join(f"N,n{n}@example.com,acme\n" for n in range(1500))
    told: list[tuple[int, int]] = []
    table = read_table(io.BytesIO(text.encode()))

    import_table(
        table, actor=None, on_refusal=OnRefusal.STOP, progress=lambda *now: told.append(now)
    )

    assert told == [(1000, 3000), (1500, 3000), (2500, 3000), (3000, 3000)]


def queries_for(rows: int, word: str) -> int:
    lines = "".join(f"N,{word}{n}@example.com,acme\n" for n in range(rows))
    text = f"name,email,client\n{lines}"
    with CaptureQueriesContext(connection) as queries:
        assert imported(text).new == rows
    return len([q for q in queries if "INSERT" not in q["sql"]])


def test_the_number_of_queries_goes_with_the_batches(acme: Client) -> None:
    assert queries_for(100, "a") == queries_for(900, "b")
    assert queries_for(4900, "c") < 5 * queries_for(900, "d")


def test_memory_does_not_go_with_the_rows(acme: Client) -> None:
    def peak(rows: int) -> int:
        text = "name,email\n" + "".join(f"N,n{n}@example.com\n" for n in range(rows))
        tracemalloc.start()
        rehearsed(text)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(8000) - peak(2000) < 4 * 1024 * 1024


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let another request make the users of these emails between the planning and the writing."""
    emails: list[str] = []
    write = save_batch

    def make_first(batch: Batch, **more: Any) -> list[Act]:
        for user in batch.new:
            if user.email in emails:
                raise IntegrityError("users_email_key")
        return write(batch, **more)

    monkeypatch.setattr("users.transfer.importing.save_batch", make_first)
    return emails


THREE = "name,email,client\nX,x@example.com,acme\nY,y@example.com,acme\nZ,z@example.com,acme\n"


def test_a_row_that_is_overtaken_is_refused(acme: Client, overtaken: list[str]) -> None:
    overtaken.append("y@example.com")

    report = imported(THREE, skip=True)

    assert (counts(report), faults(report)) == ((2, 0, 0, 1), [(3, "", "stale")])
    assert [*User.objects.values_list("name", flat=True)] == ["X", "Z"]


def test_an_import_that_is_overtaken_again_and_again_writes_nothing(
    acme: Client, overtaken: list[str]
) -> None:
    overtaken.append("y@example.com")
    before = everything()

    with pytest.raises(Overtaken):
        imported(THREE)
    assert everything() == before


@pytest.mark.parametrize("skip", [True, False])
def test_an_administrator_who_goes_meanwhile_counts(
    administrator: User, acme: Client, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    """The planning saw two, the writing sees one."""
    second = AdministratorFactory()
    write = save_batch

    def deactivate_first(batch: Batch, **more: Any) -> list[Act]:
        User.objects.filter(pk=second.pk).update(active=False)
        return write(batch, **more)

    monkeypatch.setattr("users.transfer.importing.save_batch", deactivate_first)
    text = "email,name,client,active\nx@example.com,X,acme,\nada@example.com,,,no\n"

    if skip:
        report = imported(text, skip=True)
        assert faults(report) == [(3, "", "last_administrator")]
    else:
        with pytest.raises(LastAdministrator):
            imported(text)
    assert as_row(administrator)["active"] is True


@pytest.mark.parametrize("is_bad_first", [True, False])
@pytest.mark.parametrize("key", ["email", "id"])
def test_a_refused_row_stands_in_the_way_of_no_good_one(
    acme: Client, regular: User, key: str, is_bad_first: bool
) -> None:
    whose = regular.email if key == "email" else regular.pk
    good, bad = f"{whose},Rita N.,acme", f"{whose},Rita N.,nowhere"
    rows = [bad, good] if is_bad_first else [good, bad]

    report = imported("\n".join([f"{key},name,client", *rows]), skip=True)

    assert (report.changed, report.refused) == (1, 1)
    regular.refresh_from_db()
    assert regular.name == "Rita N."

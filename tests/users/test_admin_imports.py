"""/admin/users/import/: a file is brought, rehearsed by the worker, then written or dropped."""

from datetime import timedelta
from io import StringIO
from threading import Event
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from clients.models import Client
from config.audit.models import AuditEvent
from tests.admin_site import enter, told
from tests.factories import AdministratorFactory
from users import imports
from users.imports import LEASE, MOST_ATTEMPTS, run_next
from users.mail.outbox import Kind, enqueue
from users.management.commands import send_mails, work
from users.models import Import, ImportFile, Mail, User
from users.transfer.columns import WRITABLE
from users.transfer.tables import read_table

ADD = "/admin/users/import/add/"
GOOD = "email,name,client,active,invite\nnew@example.com,New One,acme,true,true\n"
BAD = GOOD + "not an address,Nobody,acme,,\n"


def bring(browser: Browser, content: str | bytes, name: str = "users.csv") -> Any:
    """Upload a file and return the page that follows."""
    data = content.encode() if isinstance(content, str) else content
    return browser.post(ADD, {"file": SimpleUploadedFile(name, data)}, follow=True)


def rehearsed(browser: Browser, content: str) -> Import:
    bring(browser, content)
    assert run_next()
    return Import.objects.latest("pk")


def decide(browser: Browser, job: Import, choice: str) -> Any:
    return browser.post(f"/admin/users/import/{job.pk}/decide/", {"choice": choice}, follow=True)


def shown(browser: Browser, job: Import) -> str:
    return browser.get(f"/admin/users/import/{job.pk}/change/").content.decode()


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


@pytest.mark.usefixtures("acme")
def test_writes_nothing_before_an_operator_says_so(browser: Browser) -> None:
    before = User.objects.count()

    job = rehearsed(browser, GOOD)

    assert (job.state, job.new, job.refused) == ("rehearsed", 1, 0)
    assert User.objects.count() == before
    assert "Write 1 row, all or none" in shown(browser, job)


def test_writes_what_was_rehearsed_and_invites(
    browser: Browser, administrator: User, acme: Client
) -> None:
    job = rehearsed(browser, GOOD)

    decide(browser, job, "stop")
    assert run_next()

    job.refresh_from_db()
    made = User.objects.get(email="new@example.com")
    assert (job.state, made.name, made.client, made.status) == ("done", "New One", acme, "invited")
    assert Mail.objects.get(user=made).kind == "invitation"
    assert ImportFile.objects.get(of=job).content is None


def test_records_who_confirmed_and_from_where(browser: Browser, administrator: User) -> None:
    Client.objects.create(name="Acme")
    job = rehearsed(browser, GOOD)

    decide(browser, job, "stop")
    run_next()

    event = AuditEvent.objects.get(event="user_created", target="new@example.com")
    assert (event.actor_id, event.door, event.address) == (administrator.pk, "admin", "127.0.0.1")
    assert event.request_id


@pytest.mark.usefixtures("acme")
def test_leaves_refused_rows_out_when_told_to(browser: Browser) -> None:
    job = rehearsed(browser, BAD)
    page = shown(browser, job)

    decide(browser, job, "skip")
    run_next()

    assert "leave out 1" in page
    assert "<td>3</td><td>email</td>" in page
    job.refresh_from_db()
    assert (job.state, job.new, job.refused) == ("done", 1, 1)
    assert User.objects.filter(email="new@example.com").exists()


@pytest.mark.usefixtures("acme")
def test_writes_nothing_when_a_row_is_refused_after_all(browser: Browser) -> None:
    job = rehearsed(browser, GOOD)
    decide(browser, job, "stop")
    Client.objects.update(name="Renamed")

    run_next()

    job.refresh_from_db()
    assert (job.state, job.refused) == ("refused", 1)
    assert "Rows were refused since the rehearsal." in shown(browser, job)
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.usefixtures("acme")
def test_deletes_a_file_that_is_discarded(browser: Browser) -> None:
    job = rehearsed(browser, GOOD)

    decide(browser, job, "discard")

    assert not run_next()
    assert ImportFile.objects.get(of=job).content is None
    assert "Discarded, nothing written" in shown(browser, job)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("first", ["stop", "discard"])
def test_takes_one_decision(browser: Browser, first: str) -> None:
    job = rehearsed(browser, GOOD)
    decide(browser, job, first)
    state = Import.objects.get(pk=job.pk).state

    answer = decide(browser, job, "skip")

    assert told(answer) == [("warning", "This import is no longer waiting for a decision.")]
    assert Import.objects.get(pk=job.pk).state == state


@pytest.mark.usefixtures("acme")
def test_gives_the_outcome_of_every_row(browser: Browser) -> None:
    job = rehearsed(browser, BAD)

    answer = browser.get(f"/admin/users/import/{job.pk}/report/")

    lines = answer.content.decode().splitlines()
    assert lines[:2] == ["row,outcome,column,code,detail", "2,new,,,"]
    assert lines[2].startswith("3,refused,email,invalid,")
    assert answer["Content-Disposition"] == f'attachment; filename="import-{job.pk}-report.csv"'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "The file is empty"),
        ("email,password\na@example.com,secret\n", "Passwords never travel in files"),
        ("first,second\n1,2\n", "Unknown: "),
        (b"PK\x03\x04no archive", ""),
    ],
)
def test_says_why_it_cannot_read_a_file(browser: Browser, content: str | bytes, said: str) -> None:
    bring(browser, content or " \n")
    assert run_next()

    job = Import.objects.get()
    assert job.state == "refused"
    assert job.error
    if said and content:
        assert said in job.error
    assert job.error[:20] in shown(browser, job).replace("&#x27;", "'")


def test_asks_for_a_file(browser: Browser) -> None:
    answer = browser.post(ADD, {})

    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()
    assert not Import.objects.exists()


def test_refuses_the_last_administrator_as_a_whole(browser: Browser, administrator: User) -> None:
    Client.objects.create(name="Acme")
    content = GOOD + f"{administrator.email},,,false,\n"

    job = rehearsed(browser, content)

    assert job.state == "refused"
    assert "no active administrator" in job.error
    administrator.refresh_from_db()
    assert administrator.active
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.usefixtures("acme")
def test_writes_nothing_in_the_name_of_one_who_is_no_administrator_any_more(
    administrator: User,
) -> None:
    other = AdministratorFactory()
    browser = enter(other)
    job = rehearsed(browser, GOOD)
    decide(browser, job, "stop")
    User.objects.filter(pk=other.pk).update(active=False)

    run_next()

    job.refresh_from_db()
    assert (job.state, job.error) == (
        "refused",
        "Who brought this in is no active administrator any more.",
    )
    assert not User.objects.filter(email="new@example.com").exists()


def test_lets_nobody_write_what_another_has_brought(administrator: User, acme: Client) -> None:
    other = AdministratorFactory()
    content = GOOD + f",{other.name},,,\n".replace(",", other.email + ",", 1)
    job = rehearsed(enter(other), content)
    mine = enter(administrator)

    page = shown(mine, job)
    answer = decide(mine, job, "skip")

    assert 'value="skip"' not in page
    assert 'value="stop"' not in page
    assert told(answer)[0][1] == "Who brought this in decides on it. You can discard it."
    assert not run_next()
    assert Import.objects.get(pk=job.pk).state == "rehearsed"
    decide(mine, job, "discard")
    assert Import.objects.get(pk=job.pk).state == "discarded"


@pytest.mark.usefixtures("acme")
def test_rehearses_again_for_a_worker_that_died(browser: Browser) -> None:
    bring(browser, GOOD)
    Import.objects.update(state="rehearsing", attempts=1, seen_at=timezone.now() - LEASE)

    assert run_next()

    assert Import.objects.get().state == "rehearsed"


def test_gives_up_a_file_that_ends_its_worker_each_time(browser: Browser) -> None:
    bring(browser, GOOD)
    past = timezone.now() - LEASE
    Import.objects.update(state="rehearsing", attempts=MOST_ATTEMPTS, seen_at=past)

    assert not run_next()

    assert Import.objects.get().state == "refused"


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("choice", ["stop", "skip"])
def test_never_writes_a_file_twice(browser: Browser, choice: str) -> None:
    job = rehearsed(browser, GOOD)
    decide(browser, job, choice)
    Import.objects.update(state="writing", seen_at=timezone.now() - LEASE)

    assert not run_next()

    job.refresh_from_db()
    assert job.state == "broken_off"
    assert "Bring the file again" in shown(browser, job)
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.usefixtures("acme")
def test_believes_no_worker_that_was_taken_for_dead(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(browser, BAD)

    def meanwhile(file: Any) -> Any:
        """Let another worker rehearse the same file while this one still reads it."""
        monkeypatch.setattr(imports, "read_table", read_table)
        Import.objects.update(seen_at=timezone.now() - LEASE)
        assert run_next()
        Import.objects.update(state="confirmed", on_refusal="skip")
        return read_table(file)

    monkeypatch.setattr(imports, "read_table", meanwhile)
    assert run_next()

    assert Import.objects.get().state == "confirmed"
    assert run_next()
    assert Import.objects.get().state == "done"


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(("choice", "state"), [("stop", "refused"), ("skip", "broken_off")])
def test_claims_nothing_of_a_run_that_failed(
    browser: Browser, choice: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = rehearsed(browser, GOOD)
    decide(browser, job, choice)

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(imports, "import_table", fail)

    assert run_next()

    job.refresh_from_db()
    assert job.state == state
    assert "Something went wrong on our side" in shown(browser, job)


@pytest.mark.usefixtures("acme")
def test_leaves_a_worker_that_lives_alone(browser: Browser) -> None:
    bring(browser, GOOD)
    alive = timezone.now() - LEASE + timedelta(seconds=30)
    Import.objects.update(state="rehearsing", seen_at=alive)

    assert not run_next()


def test_says_that_no_worker_has_come(browser: Browser) -> None:
    bring(browser, GOOD)
    job = Import.objects.get()
    fresh = shown(browser, job)
    Import.objects.update(seen_at=timezone.now() - timedelta(minutes=1))

    assert "manage.py work" not in fresh
    assert "manage.py work" in shown(browser, job)


@pytest.mark.usefixtures("acme")
def test_runs_what_waits_once(browser: Browser) -> None:
    bring(browser, GOOD)
    out = StringIO()

    call_command("work", "--once", stdout=out)

    assert Import.objects.get().state == "rehearsed"
    assert out.getvalue() == "Mails sent: 0.\n"


@pytest.mark.usefixtures("acme")
def test_forgets_an_import_after_a_week(browser: Browser) -> None:
    job = rehearsed(browser, GOOD)
    Import.objects.update(seen_at=timezone.now() - timedelta(days=7))
    kept = rehearsed(browser, GOOD)

    call_command("purge_sessions", stdout=StringIO())

    assert [left.pk for left in Import.objects.all()] == [kept.pk]
    assert [left.pk for left in ImportFile.objects.all()] == [kept.pk]
    assert job.pk != kept.pk


def test_shows_markup_in_a_file_as_text(browser: Browser) -> None:
    bring(browser, "email\n<script>alert(1)</script>\n", name="<b>bold.csv")
    run_next()
    job = Import.objects.get()

    page = shown(browser, job)

    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page


@pytest.mark.parametrize("path", ["add/", "1/change/", "1/report/", "1/decide/", ""])
def test_lets_nobody_else_in(client: Browser, regular: User, path: str) -> None:
    assert client.get(f"/admin/users/import/{path}").status_code == 302
    assert client.post(f"/admin/users/import/{path}").status_code == 302


@pytest.mark.parametrize("path", ["999/change/", "999/report/", "0/change/", "x/report/"])
def test_knows_no_other_imports(browser: Browser, path: str) -> None:
    assert browser.get(f"/admin/users/import/{path}").status_code == 404


def test_decides_nothing_by_a_link(browser: Browser) -> None:
    bring(browser, GOOD)
    job = Import.objects.get()

    assert browser.get(f"/admin/users/import/{job.pk}/decide/").status_code == 405
    assert decide(browser, job, "everything").status_code == 404
    assert Import.objects.get().state == "waiting"


def test_lists_imports(browser: Browser) -> None:
    bring(browser, GOOD, name="march.csv")
    bring(browser, GOOD, name="april.csv")

    page = browser.get("/admin/users/import/?q=MARCH")

    assert [job.filename for job in page.context["cl"].result_list] == ["march.csv"]


@pytest.mark.usefixtures("acme")
def test_no_number_of_mails_keeps_an_import_waiting(
    browser: Browser, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_mails, "ROUND", -1.0)  # its time is over before it begins
    enqueue(Kind.PASSWORD_CHANGED, administrator)
    bring(browser, GOOD)

    pause = work.Command().send_round(Event())

    assert pause == 0
    assert Import.objects.get().state == "rehearsed"
    assert Mail.objects.get().state == "waiting"


def test_tells_of_every_column_that_can_be_written(browser: Browser) -> None:
    page = browser.get(ADD)

    assert tuple(page.context["columns"]) == WRITABLE
    assert all(f"<code>{name}</code>" in page.content.decode() for name in WRITABLE)

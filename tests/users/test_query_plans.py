"""How PostgreSQL finds the pages of a list of users: by an index, never by the whole table."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.api import pagination
from tests.factories import DIGEST
from tests.live.many import ago, insert, scalar
from users.models import User

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite tells its plans in other words"
)

USERS = 20_000
MOST_SORTED = 100  # rows of one page
NAMES = ("id", "name", "email", "created_at", "last_login_at")
ORDERINGS = [sign + name for name in NAMES for sign in ("", "-")]
FILTERS = [
    "client_id={large}", "client_id={small}", "role=administrator", "role=regular", "active=true",
    "active=false", "status=active", "status=inactive", "status=invited",
    "email=user{middle}@example.com",
]  # fmt: skip


@pytest.fixture(scope="module")
def many(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, int]]:
    """Make users of one large and many small clients, for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        insert("clients", "name, active, created_at, updated_at", 200,
               f"'Client ' || n, true, {ago('n')}, {ago('n')}")  # fmt: skip
        first = scalar("SELECT min(id) FROM clients")
        login = f"CASE WHEN n % 10 NOT IN (3, 7) THEN {ago('n % 977 * 864')} END"
        insert("users", "name, email, password_digest, client_id, active, created_at, updated_at,"
               " last_login_at", USERS,
               f"'Name ' || n * 7919 % 10007, 'user' || n || '@example.com',"
               f" CASE WHEN n % 10 = 7 THEN '!' ELSE '{DIGEST}' END,"
               f" CASE WHEN n % 1000 <> 1 THEN {first} + n % 200 * LEAST(n % 3, 1) END,"
               f" n % 20 <> 3, {ago(f'{USERS} - n')}, {ago('n')}, {login}")  # fmt: skip
        with connection.cursor() as cursor:
            for table in ("users", "clients", "user_counts"):
                cursor.execute(f"ANALYZE {table}")
        scalar("SELECT gin_clean_pending_list('users_search')")  # as vacuum does, or it costs more
        last = scalar("SELECT max(id) FROM users")
        yield {"large": first, "small": first + 11, "middle": USERS // 2, "last": last}
        transaction.set_rollback(True)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def plans(api: APIClient, path: str) -> list[list[dict[str, Any]]]:
    """Return the nodes of the plan of each query on users that a call makes."""
    with CaptureQueriesContext(connection) as seen:
        answer = api.get(path)
    assert answer.status_code == 200, answer.content
    queries = [one["sql"] for one in seen if 'FROM "users"' in one["sql"]]
    with connection.cursor() as cursor:
        found = []
        for sql in queries:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            (said,) = cursor.fetchone()
            whole = json.loads(said) if isinstance(said, str) else said
            found.append(list(nodes(whole[0]["Plan"])))
    assert found
    return found


def faults(found: list[list[dict[str, Any]]]) -> list[str]:
    """Return what reads the whole table, or puts more than a page in order; ties are no matter."""
    return [
        node["Node Type"]
        for plan in found
        for node in plan
        if (node["Node Type"] == "Seq Scan" and node["Relation Name"] == "users")
        or (node["Node Type"] == "Sort" and node["Plans"][0]["Plan Rows"] > MOST_SORTED)
    ]


def indexes(found: list[list[dict[str, Any]]]) -> set[str]:
    return {node["Index Name"] for plan in found for node in plan if "Index Name" in node}


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_every_order_has_an_index(
    ordering: str, many: dict[str, int], as_administrator: APIClient
) -> None:
    assert faults(plans(as_administrator, f"/users?ordering={ordering}")) == []


@pytest.mark.parametrize("query", FILTERS)
@pytest.mark.parametrize("more", ["", "&ordering=-id", "&include=status,last_login_at", "&cursor="])
def test_every_common_filter_has_an_index(
    query: str, more: str, many: dict[str, int], as_administrator: APIClient
) -> None:
    found = plans(as_administrator, f"/users?{query.format(**many)}{more}")

    assert faults(found) == []


@pytest.mark.parametrize("few", ["inactive", "invited"])
@pytest.mark.parametrize(
    ("ordering", "name"),
    [
        ("created_at", "created"),
        ("-created_at", "created"),
        ("last_login_at", "last_login"),
        ("-last_login_at", "last_login_desc"),
    ],
)
def test_the_few_who_stand_together_are_found_by_an_index(
    few: str, ordering: str, name: str, many: dict[str, int], as_administrator: APIClient
) -> None:
    for more in ("", "&cursor="):
        found = plans(as_administrator, f"/users?status={few}&ordering={ordering}{more}")

        assert indexes(found) & set(of_users()) == {f"users_{few}_{name}"}
        assert faults(found) == []


def of_users() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'users'")
        return [name for (name,) in cursor]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_walk_goes_on_by_an_index(
    ordering: str, many: dict[str, int], as_administrator: APIClient
) -> None:
    first = as_administrator.get(f"/users?cursor=&ordering={ordering}").json()
    second = as_administrator.get(first["next"]).json()

    for address in (first["next"], second["previous"]):
        assert faults(plans(as_administrator, address)) == []


@pytest.mark.parametrize("ordering", ["id", "-id"])
@pytest.mark.parametrize("more", ["", "&role=regular", "&active=true", "&status=invited"])
def test_a_page_in_the_middle_begins_at_its_block(
    ordering: str,
    more: str,
    many: dict[str, int],
    as_administrator: APIClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pagination, "FAR", 500)

    found = plans(as_administrator, f"/users?page=40&ordering={ordering}{more}")

    conditions = [str(node.get("Index Cond")) for plan in found for node in plan]
    assert any("(id >= " in one or "(id < " in one for one in conditions), conditions
    assert faults(found) == []


@pytest.mark.parametrize("page", [2, 400, 801])
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_pages_skip_ids_of_an_index(
    page: int, ordering: str, many: dict[str, int], as_administrator: APIClient
) -> None:
    with connection.cursor() as cursor:  # it may well read half of so small a table
        cursor.execute("SET LOCAL enable_seqscan = off")
    found = plans(as_administrator, f"/users?page={page}&ordering={ordering}")

    assert "users_pkey" in indexes(found)
    assert faults(found) == []


def test_a_rare_word_is_found_by_an_index(
    many: dict[str, int], as_administrator: APIClient
) -> None:
    count, _ = plans(as_administrator, "/users?search=user19876")

    assert indexes([count]) == {"users_search"}


def test_searches_read_little_of_what_writes_have_left_behind(
    many: dict[str, int], as_administrator: APIClient
) -> None:
    with transaction.atomic():
        User.objects.annotate(rest=F("id") % 4).filter(rest=0).update(
            name=Concat("name", Value(" anew"))
        )
        with CaptureQueriesContext(connection) as seen:
            as_administrator.get("/users?search=user19876")
        count = next(one["sql"] for one in seen if "COUNT(*)" in one["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {count}")
            (said,) = cursor.fetchone()
        transaction.set_rollback(True)
    scans = [one for one in nodes(said[0]["Plan"]) if one.get("Index Name") == "users_search"]

    assert len(scans) == 2  # by name and by email
    assert sum(one["Shared Hit Blocks"] + one["Shared Read Blocks"] for one in scans) < 100


def test_a_table_without_its_index_is_found_out(
    many: dict[str, int], as_administrator: APIClient
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX users_name")

    assert faults(plans(as_administrator, "/users?ordering=-name"))
    assert User.objects.count() > USERS

"""The page at /docs."""

import re

import pytest
from django.contrib.staticfiles import finders
from rest_framework.test import APIClient


def test_is_served_to_everybody(anonymous: APIClient) -> None:
    answer = anonymous.get("/docs")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    assert "<title>Roster: API documentation</title>" in answer.content.decode()


def test_forbids_what_is_not_its_own(anonymous: APIClient) -> None:
    policy = anonymous.get("/docs")["Content-Security-Policy"].split("; ")

    assert "default-src 'self'" in policy
    assert not [part for part in policy if "unsafe" in part or "http" in part]


def test_has_no_script_or_style_that_the_policy_stops(anonymous: APIClient) -> None:
    page = anonymous.get("/docs").content.decode()

    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"\son\w+=|\sstyle=", page)


def test_loads_its_own_files_alone(anonymous: APIClient) -> None:
    page = anonymous.get("/docs").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    files = [address for address in addresses if address.startswith("/static/")]

    assert sorted(set(addresses) - set(files)) == ["/docs?script=", "/schema"]
    assert len(files) == 3
    assert all(finders.find(file.removeprefix("/static/")) for file in files)


def test_starts_with_our_document_and_asks_nobody_else(anonymous: APIClient) -> None:
    answer = anonymous.get("/docs?script=")

    script = answer.content.decode()
    assert answer["Content-Type"] == "application/javascript"
    assert 'url: "/schema"' in script
    assert '"validatorUrl": null' in script
    assert "http" not in script


@pytest.mark.parametrize("name", ["lang", "version"])
def test_repeats_nothing_of_the_address(anonymous: APIClient, name: str) -> None:
    mark = "\"'</script><b>"

    page = anonymous.get("/docs", {name: mark}).content.decode()
    script = anonymous.get("/docs", {name: mark, "script": ""}).content.decode()

    assert "<b>" not in page + script
    assert "'" not in script


def test_sets_no_cookie(anonymous: APIClient) -> None:
    assert not anonymous.get("/docs").cookies
    assert not anonymous.get("/docs?script=").cookies


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(anonymous: APIClient, method: str) -> None:
    answer = anonymous.generic(method, "/docs")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Content-Type"] == "application/problem+json"

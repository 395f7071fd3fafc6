"""Lists of the operators' site search as one types; without JavaScript by an ordinary form."""

import re

import pytest
from django.contrib.staticfiles import finders

from tests.admin_site import enter
from users.models import User

LISTS = ["users/user", "users/session", "users/mail", "clients/client", "audit/auditevent"]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_script_and_a_plain_form(administrator: User, name: str) -> None:
    page = enter(administrator).get(f"/admin/{name}/").content.decode()

    assert 'src="/static/roster/search.js"' in page
    assert '<form id="changelist-search" method="get"' in page
    assert 'id="searchbar"' in page


@pytest.mark.parametrize("file", ["search.js", "choose_client.js", "people.css"])
def test_the_files_are_there_and_load_nothing(file: str) -> None:
    path = finders.find(f"roster/{file}")

    assert path
    with open(path, encoding="utf-8") as text:
        assert not re.search(r"https?://|@import|eval\(|innerHTML", text.read())


def test_a_client_is_chosen_by_typing_or_in_the_list_of_clients(administrator: User) -> None:
    page = enter(administrator).get("/admin/users/user/").content.decode()

    form = page.partition('class="choose-client"')[2].partition("</form>")[0]
    assert 'method="get" action="/admin/clients/client/"' in form
    assert "/admin/autocomplete/?app_label=users&amp;model_name=user&amp;field_name=client" in form
    assert 'src="/static/roster/choose_client.js"' in page


@pytest.mark.parametrize("path", ["users/user", "users/user/1/change", "clients/client"])
def test_no_page_has_inline_style_or_script(administrator: User, path: str) -> None:
    User.objects.filter(pk=administrator.pk).update(name="Ada")
    path = path.replace("1", str(administrator.pk))

    page = enter(administrator).get(f"/admin/{path}/").content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*json)|<style| style=| on\w+=\"", page)

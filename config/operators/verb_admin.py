"""What all pages of the operators' site have in common."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import ForeignKey, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from typing_extensions import override

from config.api.parameters import MAX_SEARCH_LENGTH
from config.api.routing import MAX_ID
from config.operators.paginator import ListPaginator, OperatorsList

ROW_ID = re.compile(r"[1-9][0-9]{0,18}\Z")


class RowSelect(AutocompleteSelect):
    """The choice of a row by typing; shows none where the form was sent with what is no id."""

    none_chosen = "None: an administrator"  # no one is made an administrator without reading it

    @override
    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {**attrs, "data-placeholder": self.none_chosen}

    @override
    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, [text for text in value if is_row_id(text)], attr)


def is_row_id(text: str) -> bool:
    return bool(ROW_ID.match(text)) and int(text) <= MAX_ID


class VerbAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # the class takes no argument at run time
    """Pages on which nothing is deleted, and saved only by the verbs that the API uses."""

    show_full_result_count = False  # it would count the whole table for every search
    show_facets = admin.ShowFacets.NEVER
    lookups: tuple[str, ...] = ()  # any other would let a digest be guessed by parts

    class Media:
        css: ClassVar = {"all": ("roster/people.css",)}
        js = ("roster/search.js",)

    def known_total(self, found: QuerySet[Any], chosen: Mapping[str, list[str]]) -> int | None:
        """Return how many rows are `found` where that takes no long count.

        `chosen` is what the address of the list says: names of filters and their values.
        """
        return None

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[OperatorsList]:
        return OperatorsList

    @override
    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        per_page: int,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
    ) -> ListPaginator:
        return ListPaginator(queryset, per_page)  # of the choice of a row: the list has its own

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        if lookup not in self.lookups:
            raise IncorrectLookupParameters  # back to the whole list
        return True

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        if not is_row_id(object_id):
            raise Http404
        return super().get_object(request, object_id, from_field)

    @override
    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = RowSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for every word, as the API does; what cannot be looked for finds nothing."""
        term = search_term.strip()
        if len(term) > MAX_SEARCH_LENGTH or not term.isprintable():
            return queryset.none(), False
        return self.matching(queryset, term.split()), False

    def matching(self, rows: Any, words: list[str]) -> Any:
        return rows.matching(words)

    @override
    def get_action_choices(self, request: HttpRequest, default_choices: Any = ()) -> Any:
        return super().get_action_choices(request, [("", "Choose …")])

    @override
    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        if not all(map(is_row_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            self.message_user(request, "There is no such item.", messages.WARNING)
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    @override
    @method_decorator(sensitive_post_parameters())
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return super().changeform_view(request, object_id, form_url, extra_context)

    @override
    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.actor = request.user
        return form

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        if getattr(context["adminform"].form, "is_asking", False):
            context["errors"] = None  # there is nothing to correct
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: the form has saved by its verb."""

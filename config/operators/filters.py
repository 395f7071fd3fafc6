"""Filters of lists that the operators' site has in more than one place."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override


class WordFilter(admin.SimpleListFilter):
    """One of few words; Django's filter of choices would ask the database for any text."""

    words: tuple[str, ...]

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word) for word in self.words]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is not None and chosen not in self.words:
            raise IncorrectLookupParameters
        narrowing = {} if chosen is None else {str(self.parameter_name): chosen}
        return cast(QuerySet[Any], queryset.filter(**narrowing))

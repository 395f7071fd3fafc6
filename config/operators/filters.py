"""What filters of the operators' lists have in common: no value that they do not know."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override


class WordFilter(admin.SimpleListFilter):
    """One of few words; Django's filter of choices would ask the database for any text."""

    words: tuple[str, ...]

    def label(self, word: str) -> str:
        return word

    def narrow(self, rows: Any, word: str) -> QuerySet[Any]:
        return cast(QuerySet[Any], rows.filter(**{str(self.parameter_name): word}))

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, self.label(word)) for word in self.words]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return cast(QuerySet[Any], queryset)
        if chosen not in self.words:
            raise IncorrectLookupParameters
        return self.narrow(queryset, chosen)

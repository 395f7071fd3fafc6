"""Pages of lists of any length: ids first, the rows of one page after, no whole table counted."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from typing_extensions import override

from config.api.pagination import ids_between

MOST_COUNTED = 10_000  # matches; whoever has more narrows the search


class MoreThan(int):
    """How many matches were counted before it was left off; shown as what it is."""

    @override
    def __str__(self) -> str:
        return f"more than {int(self):,}"


class ListPaginator(Paginator):  # type: ignore[type-arg] # the class takes no argument at run time
    """Pages of `found`, a queryset in a total order.

    With `total` known, what is nearer to the end is read from there. Without, the ids of the first
    matches are read once, for the number and the page: a search looks through the table once.
    `rows` is where the rows with these ids are taken from, with what their page needs.
    """

    def __init__(
        self,
        found: QuerySet[Any],
        per_page: int,
        *,
        total: int | None = None,
        rows: QuerySet[Any] | None = None,
    ) -> None:
        super().__init__(found, per_page)
        self.found, self.total = found, total
        self.rows = found if rows is None else rows

    @cached_property
    @override
    def count(self) -> int:
        if self.total is not None:
            return self.total
        number = len(self._first_ids)
        return number if number <= MOST_COUNTED else MoreThan(MOST_COUNTED)

    @override
    def page(self, number: int | str) -> Any:
        number = self.validate_number(number)
        top = min(number * self.per_page, self.count)
        ids = self._ids((number - 1) * self.per_page, top)
        # 0 is nobody's: an empty page asks as much as any other.
        rows = {row.pk: row for row in self.rows.filter(pk__in=ids or [0])}
        return Page([rows[pk] for pk in ids if pk in rows], number, self)

    @cached_property
    def _first_ids(self) -> list[Any]:
        return list(self.found.values_list("pk", flat=True)[: MOST_COUNTED + 1])

    def _ids(self, bottom: int, top: int) -> list[Any]:
        if self.total is None:
            return self._first_ids[bottom:top]
        if top <= bottom:
            return []
        ids, is_backward = ids_between(self.found, bottom, top, self.total)
        return [*ids][::-1] if is_backward else [*ids]


class OperatorsList(ChangeList):
    """Django's list, on these pages; `known_total` of its admin says what need not be counted."""

    @override
    def get_results(self, request: HttpRequest) -> None:
        chosen = self.get_filters_params()
        admin: Any = self.model_admin
        total = None if self.query else admin.known_total(self.queryset, chosen)
        rows = self.apply_select_related(self.root_queryset)
        paginator = ListPaginator(self.queryset, self.list_per_page, total=total, rows=rows)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.result_count = paginator.count
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        if self.show_all and self.can_show_all:
            paginator.per_page = self.list_max_show_all
        try:
            page = paginator.page(self.page_num if self.result_count > paginator.per_page else 1)
        except InvalidPage:
            raise IncorrectLookupParameters from None
        self.result_list = page.object_list
        self.paginator = paginator

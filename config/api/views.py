"""What every endpoint does alike: order of refusal, query, list, answer."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

from django import forms
from django.db import IntegrityError
from django.db.models import Field, Model, OrderBy, Q, QuerySet
from django.http import HttpResponse
from rest_framework.exceptions import MethodNotAllowed, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from config.api.answers import Answer
from config.api.cursors import CursorField, Key, answer_stretch, cursor_fault
from config.api.errors import Fault, Invalid, faults_of
from config.api.etags import Stale, check_if_match
from config.api.pagination import Known, answer_page, page_fields
from config.api.parameters import NamesField, Narrowing, query_faults
from config.api.serializers import StrictSerializer
from config.replica import note_write, read

Row = TypeVar("Row", bound=Model)


class Manners(APIView):
    """Refuse in the contract's order; know which query parameters there are."""

    # OPTIONS is no method of any endpoint; a browser's preflight is answered before the views.
    http_method_names: ClassVar[list[str]] = [  # type: ignore[misc] # DRF has it per instance
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "trace",
    ]

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:  # 405 comes before 401
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    @override
    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        note_write(request, response)
        return super().finalize_response(request, response, *args, **kwargs)

    @override
    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"  # also where no token is read, or DRF would turn 401 into 403

    def query_fields(self) -> Mapping[str, forms.Field]:
        """Return the query parameters of the action being served."""
        return {}

    def body(self, faults: Sequence[Fault] = ()) -> dict[str, Any]:
        """Return the JSON object sent, `{}` where none was.

        Raises 415, 413, or 400 with what makes it unreadable beside the query's `faults`.
        """
        try:
            if "HTTP_TRANSFER_ENCODING" in self.request.META:
                # A plain WSGI server tells no length: Django would take the body for empty.
                raise ParseError("Send the body with a Content-Length.")
            return cast(dict[str, Any], self.request.data)
        except ParseError as fault:
            raise Invalid([*faults, *faults_of(fault.detail)]) from None

    def read_query(self) -> tuple[dict[str, Any], list[Fault]]:
        """Return the parameters' values and faults; a fault is raised with the body's, if any."""
        return query_faults(self.request._request.GET, self.query_fields())


class ResourceViewSet(Manners, GenericViewSet[Row]):
    """List, create, retrieve and update the rows of one model.

    Subclasses choose queryset, serializers and policy, and say how a row is shown and saved.
    """

    create_serializer: ClassVar[type[StrictSerializer]]
    update_serializer: ClassVar[type[StrictSerializer]]
    model: ClassVar[type[Model]]
    filters: ClassVar[type[Narrowing]]
    includable: ClassVar[tuple[str, ...]]
    orderings: ClassVar[Mapping[str, OrderBy]]
    location: ClassVar[str]

    def rows(self, include: tuple[str, ...]) -> QuerySet[Row]:
        """Return the rows that the actor may see, with what `include` needs."""
        raise NotImplementedError

    def represent(self, row: Row, include: tuple[str, ...]) -> dict[str, Any]:
        raise NotImplementedError

    def etag(self, row: Row) -> str:
        raise NotImplementedError

    def save_new(self, values: dict[str, Any]) -> Row:
        raise NotImplementedError

    def save(self, row: Row, values: dict[str, Any]) -> Row:
        """Apply `values`; raise `Stale` where `row` is no longer what is stored."""
        raise NotImplementedError

    @override
    def query_fields(self) -> Mapping[str, forms.Field]:
        return self.list_fields() if self.action == "list" else self.include_fields()

    @classmethod
    @cache
    def list_fields(cls) -> Mapping[str, forms.Field]:
        names = [name for key in cls.orderings for name in (key, f"-{key}")]
        fields = {
            "cursor": CursorField(required=False),
            "ordering": NamesField(known=names, required=False),
        }
        return {**page_fields(), **fields, **cls.filters.query_fields(), **cls.include_fields()}

    @classmethod
    @cache
    def include_fields(cls) -> Mapping[str, forms.Field]:
        return {"include": NamesField(known=cls.includable, required=False)}

    def list(self, request: Request) -> HttpResponse:
        """Answer with a page by its number, or beside a cursor."""
        query, faults = self.read_query()
        keys = self.keys(query.get("ordering", ()))
        if fault := cursor_fault(query.get("cursor"), keys, query.get("page")):
            faults.append(fault)
        if faults:
            raise Invalid(faults)
        return read(request, lambda using: self.page(query, keys, using))

    def page(self, query: dict[str, Any], keys: Sequence[Key], using: str) -> Answer:
        """Return the page that is asked for, all of it from the database `using`."""
        request, include = self.request, query["include"]
        is_first = query["cursor"] is None and query["page"] in (None, 1)
        if is_first and (answer := self.first_page(query, using)):
            return answer
        source = self.listed(include, [key.field.name for key in keys]).using(using)
        rows = self.filters.narrow(source, query)

        def represent(row: Row) -> dict[str, Any]:
            return self.represent(row, include)

        if query["cursor"] is not None:
            return answer_stretch(request, rows, query, represent, keys)
        rows = rows.order_by(*(key.term for key in keys))
        known = Known(
            partial(self.known_total, query, using), partial(self.seek, query, keys[0], using)
        )
        return answer_page(request, rows, query, represent, known=known, source=source)

    def first_page(self, query: dict[str, Any], using: str) -> Answer | None:
        """Return the first page where there is a shorter way to it than to any other."""
        return None

    def listed(self, include: tuple[str, ...], columns: Sequence[str]) -> QuerySet[Row]:
        """Return the rows that the actor may see, with what is shown of them, and `columns`."""
        return self.rows(include)

    def known_total(self, query: Mapping[str, Any], using: str) -> int | None:
        """Return how many rows the filters keep, if this is known without counting them."""
        return None

    def seek(
        self, query: Mapping[str, Any], key: Key, using: str, number: int
    ) -> tuple[Q, int] | None:
        """Return a shorter way to the row behind `number` others, if there is one; see `Known`."""
        return None

    @classmethod
    @lru_cache(maxsize=256)
    def keys(cls, names: tuple[str, ...]) -> Sequence[Key]:
        """Return the keys of `ordering`; ties by id, so that pages never overlap.

        What comes after a unique one decides nothing, and would keep an index from being used.
        """
        keys = []
        for word in (*names, "id"):
            name = word.removeprefix("-")
            term = cls.orderings[name]
            term = OrderBy(term.expression, word != name, nulls_last=term.nulls_last)
            field = cast("Field[Any, Any]", cls.model._meta.get_field(name))
            keys.append(Key(term, field))
            if field.unique:
                break
        return keys

    def create(self, request: Request) -> HttpResponse:
        query, faults = self.read_query()
        serializer = self.create_serializer(data=self.body(faults), context={"request": request})
        try:
            row = self.save_new(serializer.raise_faults(*faults))
        except IntegrityError:  # another request took the name or email since the check
            row = self.save_new(serializer.raise_faults())
        headers = {"Location": f"{self.location}/{row.pk}"}
        return self.answer(row, query["include"], HTTPStatus.CREATED, headers)

    def retrieve(self, request: Request, pk: int) -> HttpResponse:
        query, faults = self.read_query()
        row = self.read(pk, query.get("include", ()))
        if faults:
            raise Invalid(faults)
        return self.answer(row, query["include"])

    def update(self, request: Request, pk: int) -> HttpResponse:
        """Check against the row as read, save only if it still is so, else check again.

        No lock is held while passwords are hashed. Each turn that is lost was won by another
        request, so this ends.
        """
        query, faults = self.read_query()
        has_collided = False
        while True:
            row = self.find(pk, query.get("include", ()))
            context = {"request": request}
            serializer = self.update_serializer(row, data=self.body(faults), context=context)
            values = serializer.raise_faults(*faults)
            check_if_match(request.headers.get("If-Match"), self.etag(row))
            try:
                return self.answer(self.save(row, values), query["include"])
            except Stale:
                continue
            except IntegrityError:  # another request took the name or email since the check
                if has_collided:
                    raise
                has_collided = True

    partial_update = update  # PUT keeps what is absent, so PATCH means the same

    def read(self, pk: int, include: tuple[str, ...]) -> Row:
        """Return the row to show; one to change is found whole."""
        return self.find(pk, include)

    def find(self, pk: int, include: tuple[str, ...]) -> Row:
        row = self.rows(include).filter(pk=pk).first()
        if row is None:
            raise NotFound
        return row

    def answer(
        self,
        row: Row,
        include: tuple[str, ...],
        status: int = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body = self.represent(row, include)
        return Answer(body, status, {"ETag": self.etag(row), **(headers or {})})

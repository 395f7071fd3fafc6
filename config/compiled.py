"""Queries whose SQL is made once: to build and compile one costs the ORM more than to run it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections
from django.db.models import Expression, Field, QuerySet
from typing_extensions import override


class Parameter(Expression):
    """A place in a compiled query where each run puts another value of this field's type."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    @override
    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def value_of(self, values: dict[str, Any], connection: Any) -> Any:
        value = values[self.name]
        # The one type of ours that a driver (SQLite's) does not take as it is.
        if isinstance(value, datetime):
            return connection.ops.adapt_datetimefield_value(value)
        return value


@dataclass(frozen=True)
class _Plan:
    sql: str
    parameters: Sequence[Any]  # a `Parameter`, or a value that is the same each time
    converters: Sequence[tuple[int, Sequence[Any], Any]]  # index of a column, what it needs

    def preparing(self, connection: Any) -> AbstractContextManager[None]:
        """Let PostgreSQL plan once what asks for other keys each time.

        Not what has no `Parameter`: of a filter it would forget how much its value leaves.
        """
        is_keyed = any(isinstance(value, Parameter) for value in self.parameters)
        prepare = getattr(connection, "preparing", nullcontext) if is_keyed else nullcontext
        context: AbstractContextManager[None] = prepare()
        return context


class CompiledQuery:
    """A `values_list` that never changes but for its `Parameter`s.

    `make` builds it, once a process, when it first runs.
    """

    def __init__(self, make: Callable[[], QuerySet[Any, Any]]) -> None:
        self._make = make
        self._plans: dict[str, _Plan] = {}  # by the database's engine

    def __call__(self, using: str = DEFAULT_DB_ALIAS, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run it with these values, by the parameters' names; return all rows."""
        connection = connections[using]
        plan = self._plans.get(connection.vendor) or self._compile(connection)
        bound = [
            p.value_of(values, connection) if isinstance(p, Parameter) else p
            for p in plan.parameters
        ]
        try:
            rows = self._fetch(connection, plan, bound, plan.preparing(connection))
        except NotSupportedError:  # PostgreSQL: a migration has changed a column that it returns
            if connection.in_atomic_block:
                raise
            connection.close()
            # Behind a pooler the next connection may have the same statement prepared.
            rows = self._fetch(connection, plan, bound, nullcontext())
        return rows if not plan.converters else [_converted(row, plan, connection) for row in rows]

    @staticmethod
    def _fetch(
        connection: Any, plan: _Plan, bound: list[Any], context: AbstractContextManager[None]
    ) -> list[tuple[Any, ...]]:
        with context, connection.cursor() as cursor:
            cursor.execute(plan.sql, bound)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _compile(self, connection: Any) -> _Plan:
        compiler = self._make().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [column for column, *_ in compiler.select]
        converters = [
            (index, found, column)
            for index, (found, column) in compiler.get_converters(columns).items()
        ]
        plan = _Plan(sql, parameters, converters)
        self._plans[connection.vendor] = plan
        return plan


def _converted(row: tuple[Any, ...], plan: _Plan, connection: Any) -> tuple[Any, ...]:
    """Return what the database gave as Python's types; SQLite has few of its own."""
    values = list(row)
    for index, converters, column in plan.converters:
        for convert in converters:
            values[index] = convert(values[index], column, connection)
    return tuple(values)

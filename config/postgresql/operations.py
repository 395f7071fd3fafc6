"""Operations of migrations that let everybody go on, and can be run again where they broke off."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations import AddIndex
from typing_extensions import override


class AddIndexAnew(AddIndexConcurrently):
    """Add an index, concurrently on PostgreSQL; what an end in the middle has left is dropped.

    The migration must have `atomic = False`.
    """

    @override
    def database_forwards(self, app_label: Any, schema_editor: Any, *states: Any) -> None:
        drop_index(schema_editor, self.index.name)
        way = AddIndexConcurrently if is_postgresql(schema_editor) else AddIndex
        way.database_forwards(self, app_label, schema_editor, *states)

    @override
    def database_backwards(self, app_label: Any, schema_editor: Any, *states: Any) -> None:
        way = AddIndexConcurrently if is_postgresql(schema_editor) else AddIndex
        way.database_backwards(self, app_label, schema_editor, *states)


def is_postgresql(schema_editor: Any) -> bool:
    return bool(schema_editor.connection.vendor == "postgresql")


def concurrently(schema_editor: Any) -> str:
    return "CONCURRENTLY" if is_postgresql(schema_editor) else ""


def drop_index(schema_editor: Any, name: str) -> None:
    schema_editor.execute(f"DROP INDEX {concurrently(schema_editor)} IF EXISTS {name}")

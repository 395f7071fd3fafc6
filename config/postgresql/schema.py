"""How migrations change tables while everybody uses them."""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from typing_extensions import override

LOCK_SECONDS = 2


class SchemaEditor(DatabaseSchemaEditor):
    """Gives up what cannot have its lock soon, with nothing changed; one may migrate again.

    Whoever comes after it waits behind it, readers too: behind a backup that reads for an hour, all
    would. What builds an index concurrently, outside of a transaction, waits as long as it must:
    nobody waits behind that.
    """

    @override
    def __enter__(self) -> Any:
        editor = super().__enter__()
        if self.atomic_migration:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        return editor

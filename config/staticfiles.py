"""Where static files are served from."""

from typing import Any

from typing_extensions import override
from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):
    """Names with hashes, for ever in caches; plain ones where `collectstatic` has not run.

    A page without its style then, and not an error in place of the page.
    """

    manifest_strict = False

    @override
    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        try:
            hashed: str = super().hashed_name(name, content, filename)  # type: ignore[no-untyped-call] # untyped there
        except ValueError:  # there is no such file
            return name
        return hashed

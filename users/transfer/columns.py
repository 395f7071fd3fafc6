"""The columns that a table of users may have, and what makes a whole file useless."""

from dataclasses import dataclass

MAX_FILE_BYTES = 20 * 1024 * 1024
TOO_LARGE = f"A file has at most {MAX_FILE_BYTES >> 20} MiB."
MAX_ROWS = 200_000
LAST_ROW = 1_048_576  # where a sheet ends in every program, empty rows and all
MAX_LEAD = 1000  # empty rows before the names of the columns
MAX_COLUMNS = 256
MAX_RECORD = 128 * 1024  # characters of one row, whatever lines it spans

WRITABLE = ("id", "name", "email", "client_id", "client", "role", "active", "invite")
READ_ONLY = ("status", "created_at", "updated_at", "last_login_at")
EXPORTED = tuple(name for name in WRITABLE if name != "invite") + READ_ONLY
KNOWN = (*WRITABLE, *READ_ONLY)
MAX_ECHO = 40


class FileRefused(Exception):
    """The file as a whole cannot be imported: a code, and a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def too_many_rows() -> FileRefused:
    return FileRefused("too_many_rows", f"A file has at most {MAX_ROWS:,} rows.")


@dataclass(frozen=True)
class Columns:
    """Where each column is, and in which row the names stood."""

    row: int
    places: dict[str, int]

    @property
    def ignored(self) -> tuple[str, ...]:
        return tuple(name for name in READ_ONLY if name in self.places)

    def pick(self, cells: list[str]) -> dict[str, str]:
        """Return the cells that are not empty, by column."""
        width = len(cells)
        return {
            name: cells[place]
            for name, place in self.places.items()
            if place < width and cells[place]
        }

    def has_more(self, cells: list[str]) -> bool:
        """Tell whether a row has something where no column is."""
        if len(cells) <= len(self.places):
            return False
        taken = {*self.places.values()}
        return any(cell for place, cell in enumerate(cells) if place not in taken)


def names_of(cells: list[str]) -> list[str]:
    """Return the names in a header as they are compared: any case, `Client ID` is `client_id`."""
    return [cell.strip("\ufeff \t\r\n").lower().replace(" ", "_") for cell in cells]


def read_columns(row: int, cells: list[str]) -> Columns:
    """Return the columns of a header; raise `FileRefused` for one that is not understood."""
    names = names_of(cells)
    places = {name: place for place, name in enumerate(names) if name}
    if "password" in places:
        raise FileRefused(
            "password_column",
            "Passwords never travel in files: take the column `password` out, and let new users "
            "set their own with `invite`.",
        )
    if unknown := [name for name in places if name not in KNOWN]:
        shown = ", ".join(repr(name[:MAX_ECHO]) for name in unknown[:3])
        raise FileRefused(
            "unknown_column", f"Unknown: {shown}. Columns there are: {', '.join(KNOWN)}."
        )
    if twice := sorted({name for name in places if names.count(name) > 1}):
        raise FileRefused("duplicate_column", f"There more than once: {', '.join(twice)}.")
    if not places.keys() & {"id", "email"}:
        raise FileRefused(
            "no_key_column", "The first row must name the columns, `email` or `id` among them."
        )
    return Columns(row, places)

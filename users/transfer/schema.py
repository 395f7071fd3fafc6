"""Import and export in the OpenAPI document."""

from typing import Any

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Component, FileBody, Operation, exact_object
from config.api.openapi.problems import (
    COLUMN,
    FORBIDDEN,
    ROW,
    WITH_TOKEN,
    Refusal,
    invalid,
)
from config.api.openapi.schemas import text
from users.transfer.columns import KNOWN, READ_ONLY
from users.transfer.exporting import CSV_TYPE, XLSX_TYPE
from users.transfer.faults import CODES
from users.transfer.reports import MAX_KEPT

TABLE = """id,name,email,client_id,client,role,active
,Grace Hopper,grace@example.com,,Acme,,true
"""
EXPORT = """id,name,email,client_id,client,role,active,status,created_at,updated_at,last_login_at
42,Rita Regular,rita@example.com,7,Acme,regular,true,active,2026-01-31T12:00:00.000000Z,\
2026-01-31T12:00:00.000000Z,
"""


def number(description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "description": description}


REPORT = Component(
    "ImportReport",
    exact_object(
        {
            "import_id": text(
                "Each act of the import in the audit trail has it as `import` in its details; null "
                "for a rehearsal.",
                type=["string", "null"],
            ),
            "dry_run": {"type": "boolean", "description": "Whether nothing was written."},
            "total": number("Rows that have something in them."),
            "new": number("Users made."),
            "changed": number("Users changed or invited anew."),
            "unchanged": number("Users who are like their row already."),
            "refused": number("Rows refused."),
            "ignored_columns": {
                "type": "array",
                "items": {"type": "string", "enum": list(READ_ONLY)},
                "description": "Columns of the file that cannot be imported.",
            },
            "refusals": {
                "type": "array",
                "maxItems": MAX_KEPT,
                "description": f"What is wrong with rows, at most {MAX_KEPT} faults.",
                "items": exact_object(
                    {
                        "row": {"type": "integer", "minimum": 1, "description": ROW},
                        "column": text(COLUMN),
                        "code": text("Why.", enum=sorted(CODES)),
                        "detail": text("For people to read."),
                    },
                    required=("row", "column", "code", "detail"),
                ),
            },
        },
        required=(
            *("import_id", "dry_run", "total", "new", "changed", "unchanged", "refused"),
            *("ignored_columns", "refusals"),
        ),
        description="What became of a table, or would.",
    ),
)
SAMPLE = {
    "import_id": "9f2c0e6a4b7d1835",
    "dry_run": False,
    "total": 3,
    "new": 1,
    "changed": 0,
    "unchanged": 1,
    "refused": 1,
    "ignored_columns": ["status"],
    "refusals": [
        {"row": 4, "column": "client", "code": "does_not_exist",
         "detail": "There is no client with this name."},
    ],
}  # fmt: skip

IMPORT = Operation(
    "importUsers",
    "Users",
    "Import users",
    "For administrators. The body is a table of at most 200,000 rows and 20 MiB: CSV (by commas, "
    "semicolons or tabs; UTF-8, UTF-16 or Windows-1252) or the first visible sheet of a workbook "
    "(XLSX). "
    f"The first row names the columns, in any order: {', '.join(f'`{name}`' for name in KNOWN)}. "
    "The last four are ignored, so that an export can be imported.\n\n"
    "**Who is meant** says `id`, else `email`; who is not there is new. An empty cell, or a column "
    "that is left out, leaves what is there. A new user needs `name`, `email` and a client, by "
    "`client_id` or by name (`client`); or the `role` `administrator` and no client. Who goes from "
    "one role to the other has `role` spelt in their row. `active` and `invite` are true or false "
    "(yes, no, 1, 0); with `invite` whoever has no password is sent a link. New users have no "
    "password.\n\n"
    "The order of rows does not matter: a row may not take the email of another user, whatever "
    "other rows say of that user, and of two rows about one user the later is refused. Changing "
    "one's own email is refused, as it needs one's password.\n\n"
    "**First rehearse** with `dry_run=true`: the same answer, nothing written. The import plans "
    "anew. One refused row stops it with 400, nothing written, unless `on_refusal=skip`. What "
    "would leave no active administrator is refused as a whole, 409.",
    Answer("What was done, or would be.", REPORT, {"One row skipped": SAMPLE}),
    (
        *WITH_TOKEN,
        FORBIDDEN,
        invalid(
            "Unknown parameter",
            Fault(
                "unknown_parameter",
                "Unknown parameter. Those there are: dry_run, on_refusal.",
                parameter="dryrun",
            ),
        ),
        invalid(
            "Unknown column",
            Fault("unknown_column", f"Unknown: 'e-mail'. Columns there are: {', '.join(KNOWN)}."),
        ),
        Refusal(
            "Refused rows",
            400,
            detail="Nothing was imported. Refused rows: 1.",
            faults=(Fault("invalid", "Enter a valid email address.", field="email", row=2),),
        ),
        Refusal(
            "Last administrator",
            409,
            "last_administrator",
            "This would leave no active administrator.",
        ),
    ),
    FileBody({CSV_TYPE: {"One new user": TABLE}, XLSX_TYPE: {}}),
    {
        "dry_run": "True: tell what would be done, and do nothing. False if left out.",
        "on_refusal": "What a refused row does: `stop` the import, or be skipped (`skip`). `stop` "
        "if left out.",
    },
)

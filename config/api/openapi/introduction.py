"""What a newcomer reads first in the OpenAPI document."""

from config.api.openapi.problems import CODES

MEANINGS_OF_CODES = {
    "invalid": "`errors` says what is wrong with the query or the body",
    "read_only": "the body changes a field that can only be read, and that is all",
    "unknown_field": "the body has a field that is not known, and that is all",
    "unknown_parameter": "the query has a parameter that is not known, and that is all",
    "bad_request": "the request itself is not understood, such as a host that is not served",
    "not_authenticated": "no access token was sent",
    "token_not_valid": "the token is malformed, expired or revoked, or its user is inactive",
    "authentication_failed": "no active account has this email and password",
    "permission_denied": "the caller may not do this",
    "not_found": "no such path, row or page",
    "method_not_allowed": "the path has other methods, named in `Allow`",
    "request_timeout": "the body did not arrive within ten seconds, or a file too slowly",
    "inactive": "the user or their client is not active, so an invitation would let nobody in",
    "last_administrator": "the change would leave no active administrator",
    "not_invited": "the user has a password, so there is nothing to invite them to",
    "overtaken": "others kept changing the users of a file while it was imported",
    "precondition_failed": "`If-Match` is stale",
    "payload_too_large": "the body is over 1 MiB, or a file over 20 MiB",
    "unsupported_media_type": "the body is of no media type that the call takes, or compressed",
    "throttled": "too many failures of this account or address",
    "error": "a fault of the service",
    "unavailable": "the database is away or busy",
}

_ROWS = "\n".join(
    f"| {status} | `{code}` | {MEANINGS_OF_CODES[code]} |"
    for status, codes in CODES.items()
    for code in codes
)

INTRODUCTION = f"""The user administration service: who may log in, and to which client they belong.

**Words.** An *administrator* is an active user without client (`client_id` is null). A *regular
user* is an active user of one *client*, the organisation that they belong to.

**Getting in.** `POST /auth/login` with email and password; send the `access` token with every call
as `Authorization: Bearer …`. When it has expired, `POST /auth/refresh` with the `refresh` token
gives a new pair. A token stops at once when its session is logged out, when the user or their
client is deactivated, when their role changes, and when their password is changed elsewhere.
Other services check access tokens with the keys at `GET /.well-known/jwks.json`.

**Paths** have no trailing slash; the same path with one is the same endpoint. Every GET also takes
HEAD.

**Bodies** are JSON objects in UTF-8, at most 1 MiB, nested at most 20 levels, no key twice; a file
to import is a table. Types are JSON's own: `"7"` is no integer and `1` is no boolean. An unknown
field is refused. A read-only field may be sent back with the value that it has, so that GET, edit,
PUT works. **A field that is left out stays as it is.**

**Query parameters** are given once and not empty; an unknown one is refused, so a misspelt filter
never lists everybody.

**Two people at once.** A user and a client come with an `ETag`. Send it as `If-Match` with PUT or
PATCH, and the change is made only if nobody else was faster.

**Request id.** Every answer has `X-Request-ID`: the caller's own where it is 1 to 64 of
`A-Za-z0-9._-`, else a new one.

**Order of refusal.** 404 no such path, 405, 401, 403, 404 no such row, 415/413/400, 412, 409.

**Refusals** are problems (RFC 9457), of media type `application/problem+json`:

| status | code | meaning |
|---|---|---|
{_ROWS}
"""

TAGS = [
    {
        "name": "Authentication",
        "description": "Log in, stay logged in, log out; set a password by a mailed link.",
    },
    {"name": "Sessions", "description": "Where a user is logged in, and ending it."},
    {"name": "Users", "description": "The accounts. Administrators manage all, others their own."},
    {"name": "Clients", "description": "The organisations that regular users belong to."},
    {"name": "Audit trail", "description": "Who did what, on whom, when and from where."},
    {"name": "Health", "description": "For orchestrators and load balancers."},
]

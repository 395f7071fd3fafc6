"""Email addresses: one spelling for one mailbox."""

import re
from typing import Any

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from clients.names import CanonicalField, is_invisible, trim

MAX_LENGTH = 254  # RFC 3696, erratum 1690
MAX_LOCAL_LENGTH = 64  # RFC 5321, section 4.5.3.1.1

# ASCII letters alone: full case mapping would turn the Kelvin sign into the letter k, and one
# person's address into another's.
ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

ENCODED_WORD = re.compile(r"=\?[^?]*\?[qb]\?.*?\?=")  # RFC 2047, section 2; lower-cased

_is_address = EmailValidator(allowlist=[])


def clean_email(email: str) -> str:
    """Return the address trimmed, lower-cased, its domain in ASCII (IDNA 2008, RFC 5891).

    Raises `ValidationError` (blank, max_length, invalid). Quoted local parts and address literals
    are refused: no mailbox of a person needs them.
    """
    email = _trim(email)
    local, at, domain = email.translate(ASCII_LOWER).partition("@")
    if not at or "@" in domain or local.startswith('"') or domain.startswith("["):
        raise _invalid()
    # `isascii`: Django's pattern ignores case and so takes the Kelvin sign and others for letters.
    if len(local) > MAX_LOCAL_LENGTH or not local.isascii():
        raise _invalid()
    if ENCODED_WORD.search(local):  # mail software would read another mailbox in it
        raise _invalid()
    email = f"{local}@{_ascii_domain(domain)}"
    if len(email) > MAX_LENGTH:
        raise _too_long()
    try:
        _is_address(email)
    except ValidationError:
        raise _invalid() from None
    return email


def clean_login_email(email: str) -> str:
    """Return what was typed at a login, trimmed; whether it is an address does not matter there.

    Raises `ValidationError` (blank, max_length, invalid) for what cannot be compared with one.
    """
    email = _trim(email)
    if not email.isprintable():
        raise _invalid()
    return email


def _trim(email: str) -> str:
    email = trim(email)
    if len(email) > MAX_LENGTH:
        raise _too_long()
    if is_invisible(email):
        raise ValidationError("This field may not be blank.", code="blank")
    return email


def _ascii_domain(domain: str) -> str:
    if domain.isascii() and "xn--" not in domain:
        return domain
    try:
        return idna.encode(domain, strict=True).decode("ascii")
    except ValueError:
        raise _invalid() from None


def _invalid() -> ValidationError:
    return ValidationError("Enter a valid email address.", code="invalid")


def _too_long() -> ValidationError:
    message = f"Ensure this field has no more than {MAX_LENGTH} characters."
    return ValidationError(message, code="max_length")


class EmailField(CanonicalField):
    """An address in the form of `clean_email`."""

    canonical = staticmethod(clean_email)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MAX_LENGTH, **kwargs})

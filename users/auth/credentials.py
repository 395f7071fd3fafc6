"""The one place where an email and a password are weighed, for every door."""

from django.contrib.auth.hashers import get_hasher, make_password, verify_password
from django.db import transaction

from config.audit.events import Event
from config.audit.trail import record
from config.throttling.limits import begin
from users.hashers import MAX_HASHED_LENGTH
from users.models import User

NOBODY = "!"  # a digest that no password has; checking against it costs as much as any other


def check_credentials(email: str, password: str, *, address: str) -> tuple[User, str] | None:
    """Return the user and the digest to keep of the password from now on; None refuses.

    Unknown, inactive, wrong password: the same work is done, so the time tells nothing. The digest
    is a new one where the stored one was made with other parameters than today's.

    Counted against account and `address` first: raises `Throttled` (429).
    """
    if len(password) > MAX_HASHED_LENGTH:
        return None  # nobody has such a password; depends on nothing that is stored
    canonical = User.canonical_email(email)
    attempt = begin(canonical or email, address)  # not one account for all that is no address
    with attempt.given_back_if_undecided():
        user, digest = _weigh(canonical, password)
    checked = (user, digest) if user and digest else None
    attempt.settle(is_right=checked is not None)
    if checked is None:
        _note(canonical, user)
    return checked


def _weigh(email: str, password: str) -> tuple[User | None, str]:
    """Return the account, if there is one, and the digest to keep: "" refuses."""
    user = User.objects.select_related("client").filter(email=email).first()
    digest = user.password if user else NOBODY
    is_correct, is_outdated = verify_password(password, digest)
    if user is None or not is_correct:
        return user, ""
    if not user.is_active:
        if is_outdated:  # a wrong password spends this too
            get_hasher().harden_runtime(password, digest)
        return user, ""
    return user, make_password(password) if is_outdated else digest


def note_refusal(email: str) -> None:
    """Record a log-in refused although its password was right."""
    canonical = User.canonical_email(email)
    _note(canonical, User.objects.filter(email=canonical).first())


@transaction.atomic
def _note(email: str, user: User | None) -> None:
    """Record a refused log-in, in the same way whatever the reason.

    `email` is "" for what is no address: people type passwords there.
    """
    record(Event.LOGIN_REFUSED, actor=None, target=user, details={"email": email})


def is_current_password(user: User, password: str, *, address: str) -> bool:
    """Tell whether this is the password of the user, who is logged in already.

    Counted like a log-in, since a stolen token must not be a way to guess: raises `Throttled`.
    """
    attempt = begin(user.email, address)
    with attempt.given_back_if_undecided():
        is_correct = verify_password(password, user.password)[0]
    attempt.settle(is_right=is_correct)
    if not is_correct:
        with transaction.atomic():
            record(Event.PASSWORD_REFUSED, actor=user, target=user)
    return is_correct

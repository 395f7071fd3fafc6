"""What changes of users will cause, in words and numbers: said before they are done."""

from config.operators.questions import counted, sentences
from users.managers import SessionQuerySet, UserQuerySet
from users.models import Session, User


def people(number: int) -> str:
    return counted(number, "person", "people")


def sessions_that_end(users: UserQuerySet) -> str:
    number = users.live_sessions().count()
    if number == 0:
        return "No session ends: there is none."
    return f"{counted(number, 'session')} {'ends' if number == 1 else 'end'} at once."


def is_last_administrator(users: UserQuerySet) -> bool:
    """Tell whether nobody could administer any more without these; the verbs decide, this asks."""
    left = User.objects.administering().exclude(pk__in=users.order_by().values("pk"))
    return not left.exists()


def of_deactivation(user: User, *, actor: User) -> list[str]:
    mine = User.objects.filter(pk=user.pk)
    return sentences(
        f"{user.name} ({user.email}) can no longer log in.",
        sessions_that_end(mine),
        left_to_administer(user),
        of_oneself(user, actor),
    )


def of_activation(user: User) -> list[str]:
    return [f"{user.name} can log in again.", "No session of before comes back."]


def of_ended_sessions(user: User, *, actor: User) -> list[str]:
    ended = sessions_that_end(User.objects.filter(pk=user.pk))
    return sentences(
        ended, f"{user.name} has to log in again, everywhere.", of_oneself(user, actor)
    )


def of_promotion(user: User) -> list[str]:
    return [
        f"{user.name} becomes an administrator: they see and change every user and every client.",
        sessions_that_end(User.objects.filter(pk=user.pk)),
    ]


def of_demotion(user: User, *, actor: User) -> list[str]:
    return sentences(
        f"{user.name} is no administrator any more and sees nobody but themselves.",
        sessions_that_end(User.objects.filter(pk=user.pk)),
        left_to_administer(user),
        of_oneself(user, actor),
    )


def of_new_email(user: User) -> list[str]:
    """Return what a new address causes; `user` is as they were."""
    if not user.has_usable_password():
        return ["The link that was mailed is dead; a new invitation goes to the new address."]
    return [
        f"{user.name} logs in with the new address from now on.",
        "Links that were mailed are dead. Both addresses get a mail about it.",
    ]


def left_to_administer(user: User) -> str:
    if not user.is_administrator or not user.active:
        return ""
    left = User.objects.administering().exclude(pk=user.pk).count()
    return f"{counted(left, 'active administrator')} {'is' if left == 1 else 'are'} left."


def of_oneself(user: User, actor: User) -> str:
    return "This is you: you are logged out." if user.pk == actor.pk else ""


def of_bulk_deactivation(users: UserQuerySet, number: int, *, actor: User) -> list[str]:
    administrators = users.administrators().count()
    are = "is an administrator" if administrators == 1 else "are administrators"
    return sentences(
        f"{people(number)} can no longer log in.",
        f"{administrators:,} of them {are}." if administrators else "",
        sessions_that_end(users),
        of_oneself_among(users, actor),
    )


def of_bulk_end(users: UserQuerySet, number: int, *, actor: User) -> list[str]:
    has = "has" if number == 1 else "have"
    ended = f"{sessions_that_end(users)[:-1]}: all that {people(number)} {has}."
    return sentences(ended, of_oneself_among(users, actor))


def of_oneself_among(users: UserQuerySet, actor: User) -> str:
    is_among = users.filter(pk=actor.pk).exists()
    return "You are one of them: you are logged out." if is_among else ""


def of_ended_logins(sessions: SessionQuerySet, number: int, *, own: Session | None) -> list[str]:
    """Return what ending these sessions causes; `own` is the one that asks."""
    whose = people(sessions.order_by().values("user").distinct().count())
    ends = "ends" if number == 1 else "end"
    is_own = own is not None and sessions.filter(pk=own.pk).exists()
    return sentences(
        f"{counted(number, 'session')} {ends} at once, of {whose}, who can log in again.",
        "Your own is one of them: you are logged out." if is_own else "",
    )

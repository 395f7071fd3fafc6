"""The acts that the trail knows, `<noun>_<past participle>` except where one word is the noun."""

from enum import StrEnum


class Event(StrEnum):
    """One kind of act, and what it means."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> "Event":
        event = str.__new__(cls, name)
        event._value_ = name
        event.meaning = meaning
        return event

    LOGIN = "login", "Someone logged in."
    LOGIN_REFUSED = "login_refused", "A log-in was refused: unknown, wrong or inactive."
    PASSWORD_REFUSED = "password_refused", "Someone logged in gave a wrong current password."
    LOGOUT = "logout", "Someone ended the session that they were using."
    SESSION_ENDED = "session_ended", "One session was ended by its id."
    SESSIONS_ENDED = "sessions_ended", "Several sessions of a user were ended at once."
    REFRESH_REPLAYED = "refresh_replayed", "A spent refresh token came again: its session ended."
    USER_CREATED = "user_created", "A user was made."
    USER_UPDATED = "user_updated", "Fields of a user were changed, the password included."
    USER_ACTIVATED = "user_activated", "A user was activated by a bulk action."
    USER_DEACTIVATED = "user_deactivated", "A user was deactivated by a bulk action."
    USER_DEACTIVATED_DORMANT = (
        "user_deactivated_dormant",
        "A user was deactivated for not having logged in for long.",
    )
    USERS_SEEDED = "users_seeded", "Demo clients or users were made, one event a batch."
    USERS_EXPORTED = "users_exported", "Users were taken out as a file."
    PASSWORD_SET = "password_set", "A password was set by `manage.py changepassword`."
    PASSWORD_RESET_REQUESTED = (
        "password_reset_requested",
        "A link for a new password was asked for.",
    )
    PASSWORD_RESET = "password_reset", "A password was set by such a link."
    INVITATION_SENT = "invitation_sent", "A user was invited by mail."
    INVITATION_ACCEPTED = "invitation_accepted", "An invited user set their first password."
    MAIL_RETRIED = "mail_retried", "A mail that was given up is to be sent after all."
    CLIENT_CREATED = "client_created", "A client was made."
    CLIENT_UPDATED = "client_updated", "Fields of a client were changed."
    SIGNING_KEY_ROTATED = "signing_key_rotated", "Tokens are signed with a new key."
    AUDIT_PRUNED = "audit_pruned", "Old events of one lane were deleted by `manage.py prune_audit`."

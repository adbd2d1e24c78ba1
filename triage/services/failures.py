"""What is written down of a failure, for a supervisor to read."""

import re

from django.utils.translation import gettext, gettext_noop

MAX_LENGTH = 500
BROKE = gettext_noop("Something broke: %(detail)s")

#: PostgreSQL stores no NUL, no encoding takes a lone surrogate, and other control characters steer a terminal.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class JobFailed(Exception):
    """The job cannot be done now. The message is shown to the supervisor."""


def in_words(error: BaseException) -> str:
    """Return what went wrong, for a supervisor to read."""
    if isinstance(error, JobFailed):
        return message_of(error)
    return storable(BROKE % {"detail": describe(error)})


def failure_in_words(failure: str) -> str:
    """Return a stored failure in the reader's language: our own sentences are translated, technical detail is not."""
    start = BROKE.partition("%")[0]
    if failure.startswith(start):
        return gettext(BROKE) % {"detail": failure.removeprefix(start)}
    return gettext(failure) if failure else ""


def describe(error: BaseException) -> str:
    """Return an exception's class and message as one text that can be stored and logged."""
    name, message = type(error).__name__, message_of(error)
    return storable(f"{name}: {message}" if message else name)


def message_of(error: BaseException) -> str:
    """Return an exception's message as it can be stored."""
    try:
        return storable(str(error))
    except Exception:
        # A class of somebody else's may fail in any way, also when it is asked what is wrong.
        return "its message cannot be read"


def storable(text: str) -> str:
    """Return a text of any origin as one line that can be stored: MAX_LENGTH characters at the most."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text[:MAX_LENGTH].split()))

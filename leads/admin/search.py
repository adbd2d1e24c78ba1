"""How people are found: by name, e-mail or phone, however they are typed."""

import re
from uuid import UUID

from django.db.models import Q

from leads.identity import fold

#: What people put between the digits of a phone number.
PHONE_MARKS = re.compile(r"[\s()+\-.–—]+")
#: Fewer digits than this may be part of a name or an address.
PHONE_DIGITS = 5


def lead_matches(text: str, *, prefix: str = "") -> Q:
    """The condition that a lead's search column holds every word of this text, or its digits as one phone number.

    ``prefix`` leads to the lead from another model, for example "lead__".
    """
    column = f"{prefix}search__contains"
    words = Q()
    for word in fold(text).split():
        # The column holds phones without their plus.
        words &= Q(**{column: word.strip("+()")})
    digits = PHONE_MARKS.sub("", text)
    if digits.isdecimal() and len(digits) >= PHONE_DIGITS:
        return words | Q(**{column: _national(digits)})
    return words


def _national(digits: str) -> str:
    """A Russian number without its 8 or 7, which people write as they please; any other as it is."""
    return digits[1:] if len(digits) == 11 and digits[0] in "78" else digits


def as_uuid(text: str) -> UUID | None:
    """Return the id that a text spells, or None: it may be anything that was typed into an address."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None

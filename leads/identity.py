"""How a person is recognised and a text compared: contacts and messages in one normal form. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers

#: The strongest first: an id given by a messenger is one person, a phone may be shared, an e-mail often is.
STRENGTH = ("external", "phone", "email")

#: A plus and 15 digits.
MAX_PHONE = 16


@dataclass(frozen=True, slots=True)
class Contact:
    kind: str
    value: str


def email_contact(raw: str) -> Contact:
    """A checked e-mail address, in lower case."""
    return Contact("email", raw.strip().lower())


def phone_contact(raw: str, *, region: str) -> Contact:
    """A phone number as people write it, in E.164. ``region`` (two letters) reads numbers without a country code.

    Raises ValueError when it is no possible number there.
    """
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a phone number") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("not a possible phone number")
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # E.164 allows 15 digits; some countries' plans call longer ones possible.
    if len(value) > MAX_PHONE:
        raise ValueError("not a possible phone number")
    return Contact("phone", value)


def external_contact(raw: str, *, source_id: int) -> Contact:
    """The id a source gave the person; the same id in another source is another person."""
    return Contact("external", f"{source_id}:{raw.strip()}")


def main_details(details: Iterable[tuple[str, str, bool]]) -> dict[str, str]:
    """Return the name, e-mail and phone to show of what was told: the first confirmed of each kind, else the first.

    ``details`` are kind, value and whether it is confirmed, the oldest first. What was not told is "".
    """
    shown = {"name": "", "email": "", "phone": ""}
    for kind, value, _ in sorted(details, key=lambda detail: not detail[2]):
        if kind in shown and not shown[kind]:
            shown[kind] = value
    return shown


def content_hash(text: str) -> str:
    """SHA-256 of the normalised content: case, spacing and compatibility forms do not make another text."""
    normal = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return hashlib.sha256(normal.encode()).hexdigest()


def fold(text: str) -> str:
    """Text as it is searched for: case-folded, ё as е."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")


def search_text(*, name: str, email: str, phone: str) -> str:
    """What the desk's search looks through for one lead."""
    return " ".join(filter(None, (fold(name), fold(email), phone.lstrip("+"))))

"""How a person is recognised and a text compared: contacts and messages in one normal form. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import idna
import phonenumbers

#: The strongest first: an id given by a messenger is one person, a phone may be shared, an e-mail often is.
STRENGTH = ("external", "phone", "email")

#: A plus and 15 digits.
MAX_PHONE = 16
MAX_EMAIL = 254

#: What mailboxes are called. The standards allow quoted names, comments and letters beyond ASCII, too:
#: what arrives with them is a mistake, or made to look like somebody else's.
_MAILBOX = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII | re.IGNORECASE)

#: Characters that are not seen: controls, and those that reorder text, or hide text in it from people and not from
#: programs. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f"
)
_HIDDEN = re.compile(f"(?![\n\t])[{INVISIBLE}]")
_LINE_BREAK = re.compile("\r\n?|[\u2028\u2029\x85]")


@dataclass(frozen=True, slots=True)
class Contact:
    kind: str
    value: str


def email_contact(raw: str) -> Contact:
    """Return an e-mail address in lower case, with its domain as DNS knows it (xn--…).

    Raises ValueError for an address that no mailbox has, whatever the standards allow, and for look-alikes of others.
    """
    mailbox, _, domain = raw.strip().rpartition("@")
    if not domain.isascii():
        # Raises a ValueError of its own.
        domain = idna.encode(domain, uts46=True).decode()
    value = f"{mailbox}@{domain}".lower()
    if not _MAILBOX.fullmatch(mailbox) or "." not in domain or domain.startswith("[") or len(value) > MAX_EMAIL:
        raise ValueError("not an e-mail address")
    return Contact("email", value)


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
    """Return the id a source gave the person; the same id in another source is another person.

    Raises ValueError for one with invisible characters: without them it would be somebody else's.
    """
    if re.search(f"[{INVISIBLE}]", raw):
        raise ValueError("not an id: it has invisible characters")
    return Contact("external", f"{source_id}:{raw.strip()}")


def visible_message(text: str) -> str:
    """Return a message without invisible characters, line breaks as one kind.

    They are dropped and not refused: whoever pastes them in does not see them either, and no lead is lost over them.
    """
    return _HIDDEN.sub("", _LINE_BREAK.sub("\n", text))


def visible_name(text: str) -> str:
    """Return a name on one line, without invisible characters. See `visible_message`."""
    return " ".join(visible_message(text).split())


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

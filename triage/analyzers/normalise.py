"""A message cut into plain words, each of which still knows where it stood in the original text.

Every token is normalised on its own (NFKC, lower case, ё→е, look-alike letters folded), so the spans always point
into the text as it was written, whatever the normalisation did to its length.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

URL, EMAIL, PHONE, MONEY, NUMBER, MENTION = "<url>", "<email>", "<phone>", "<money>", "<num>", "<mention>"

#: No word of a living language is longer; what follows is a key, a hash or a wall of letters.
WORD_LIMIT = 40

_CURRENCY = (
    r"(?:₽|\$|€|£|¥|₸|₴|₹|руб\w{0,4}|р\b\.?|usd\b|usdt\b|eur\b|euros?\b|gbp\b|dollars?\b|bucks\b|pounds?\b|rs\b|inr\b"
    r"|rub\b|rubles?\b|доллар\w{0,3}|евро\b|тенге\b|тг\b|грн\b|гривен\b|byn\b|бел\.?[ ]?руб\w{0,4}|баксов\b)"
)
_SCALE = r"(?:[ ]?(?:k|к|m|тыс\w{0,4}|т\.?[ ]?р|млн|млрд|million|thousand|mln)\b\.?)?"
_AMOUNT = rf"\d{{1,12}}(?:[.,\u00a0 ]\d{{3}}){{0,4}}(?:[.,]\d{{1,2}})?{_SCALE}"

_ENDINGS = "com|ru|net|org|io|me|ly|info|biz|xyz|top|site|online|shop|club|co|рф|su|by|kz|ua|uk|in"
_REST = r"(?:[\w\u0300-\u036f\u0483-\u0489\u200b-\u200d\u2060\u00ad]|['’`](?=\w)){0,400}"

# Every quantifier is bounded: the time to cut a text grows with its length and with nothing else.
_TOKEN = re.compile(
    rf"""
      (?P<plain>(?!(?:usd|eur|rs|inr)\b)[^\W\d_]{_REST}+(?![.:/@+-]\S|/))
    | (?P<url>(?:https?://|www\.|t\.me/|wa\.me/)[^\s<>"']{{1,300}}
             |\b[a-z0-9][a-z0-9-]{{1,40}}\.(?:{_ENDINGS})\b(?:/[^\s<>"']{{0,300}})?)
    | (?P<email>\b[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,4}})
    | (?P<mention>[@#]\w{{2,40}})
    | (?P<money>(?:[$€£₽¥₹]|\b(?:usd|eur|rs|inr)\b\.?)[ ]?{_AMOUNT}|(?<!\w){_AMOUNT}[ ]?{_CURRENCY})
    | (?P<phone>(?<!\w)\+?\d[\d ()\u00a0-]{{8,18}}\d(?!\w))
    | (?P<num>(?<!\w)\d{{1,15}}(?:[.,]\d{{1,3}}){{0,4}}(?![^\W\d_]))
    | (?P<placeholder><(?:phone|email|url|num|money)>)
    | (?P<word>\w{_REST})
    """,
    re.VERBOSE | re.IGNORECASE,
)

_LATIN_LOOKALIKES = frozenset("abcehkmoptxyui3")
_FOLD_LATIN = str.maketrans("abcehkmoptxyui3", "авсенкмортхуииз")
_FOLD_CYRILLIC = str.maketrans("авсенкмортхуіѕј", "abcehkmoptxyisj")
_CYRILLIC_LOOKALIKES = frozenset("авсенкмортхуіѕј")
#: Letters that nobody types but to be read as others: small capitals and such.
_STRANGE = str.maketrans("ᴀʙᴄᴅᴇɢʜɪᴋʟᴍɴᴏᴘʀᴛᴜᴠʏᴢᴦᴧᴨᴩᴫɜɯʍᴎꭺᏼꮯꭼꮋꮇꭲꮪꮶꮲꮻ", "авсдегниклмнорятивузглпрлзшмиавсенмтскро")
_STRANGE_LETTERS = frozenset(map(chr, _STRANGE))
_INVISIBLE = re.compile("[\u0300-\u036f\u0483-\u0489\u200b-\u200f\u2060\u00ad\ufe0e\ufe0f'’`_]")
#: A foreign name declined as Russians do: "gmailом", "UIшник".
_FOREIGN_WITH_ENDING = re.compile("[A-Za-z]*[d-zD-Z][A-Za-z]*[а-яё]{1,3}|[A-Z]{2,6}[а-яё]{1,12}")
_CYRILLIC = re.compile("[а-яёіїєґў]", re.IGNORECASE)
_LATIN = re.compile("[a-z]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """A text and its words. ``spans[i]`` is where ``words[i]`` stood in ``text``."""

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    #: Words in which Latin and Cyrillic letters were mixed to look alike.
    mixed: tuple[int, ...]
    lang: str

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The stretch of the original text from the word ``first`` to the word ``last``, both included."""
        return self.spans[first][0], self.spans[last][1]


def normalise(text: str) -> Message:
    """Cut a text into normalised words with their places in the original."""
    words, spans, mixed = [], [], []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "plain" or kind == "word":
            word, is_mixed = fold(match.group())
            if not word:
                continue
            if is_mixed:
                mixed.append(len(words))
        else:
            word = match.group().lower() if kind == "placeholder" else f"<{kind}>"
        words.append(word)
        spans.append(match.span())
    return Message(text, tuple(words), tuple(spans), tuple(mixed), language(words))


@lru_cache(maxsize=50_000)
def fold(raw: str) -> tuple[str, bool]:
    """One word in its plain form, and whether look-alike letters of another alphabet hid in it."""
    word = raw.lower()
    if word.isascii():
        return _INVISIBLE.sub("", word)[:WORD_LIMIT], False
    word = unicodedata.normalize("NFKC", raw).lower()
    word = _INVISIBLE.sub("", word).replace("ё", "е")[:WORD_LIMIT]
    if not _STRANGE_LETTERS.isdisjoint(word):
        return word.translate(_STRANGE), True
    latin, cyrillic = _LATIN.findall(word), _CYRILLIC.findall(word)
    if not latin or not cyrillic or _FOREIGN_WITH_ENDING.fullmatch(raw):
        return word, False
    if len(cyrillic) >= len(latin) and _LATIN_LOOKALIKES.issuperset(latin):
        return word.translate(_FOLD_LATIN), True
    if _CYRILLIC_LOOKALIKES.issuperset(cyrillic) and len(latin) > 1:
        return word.translate(_FOLD_CYRILLIC), True
    if _LATIN_LOOKALIKES.issuperset(latin):
        return word.translate(_FOLD_LATIN), True
    return word, False


def language(words: list[str]) -> str:
    """``ru`` when Cyrillic words are at least as many as Latin ones, ``en`` when fewer, else an empty string."""
    cyrillic = sum("а" <= word[0] <= "я" or word[0] == "і" for word in words)
    latin = sum("a" <= word[0] <= "z" for word in words)
    if not cyrillic and not latin:
        return ""
    return "ru" if cyrillic >= latin else "en"

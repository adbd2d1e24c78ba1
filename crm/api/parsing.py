"""Bodies read strictly: whatever one database or client would take differently from another is refused here."""

import json
import math

from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser

from .problems import Problem, malformed

MAX_DEPTH = 5
KIB = 1024


class StrictJSONParser(BaseParser):
    """JSON objects of a limited size and depth, without duplicate keys, NUL, lone surrogates, NaN or Infinity.

    The limit in bytes is the view's ``body_limit``. Raises Problem.
    """

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        return read_object(stream, limit=parser_context["view"].body_limit)


def read_object(stream, *, limit: int) -> dict:
    """Return the JSON object that a stream holds in at most ``limit`` bytes. Raises Problem."""
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise Problem(413, "too-large", f"The body may have {limit // KIB} KiB.")
    body = _loads(raw)
    if not isinstance(body, dict):
        raise malformed("The body is not a JSON object.")
    _check(body)
    return body


class JSONOnly(BaseContentNegotiation):
    """Whatever the client says it accepts, the answer is JSON: a bot with a browser's headers is still a bot."""

    def select_parser(self, request, parsers):
        return parsers[0] if is_json(request) else None

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


def is_json(request) -> bool:
    """Whether the request says that its body is JSON."""
    return (request.content_type or "").split(";")[0].strip().lower() == StrictJSONParser.media_type


class Unrefusing(DefaultContentNegotiation):
    """For pages of several forms: the one asked for, else the first; never a refusal."""

    def select_renderer(self, request, renderers, format_suffix=None):
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except (NotAcceptable, Http404):
            return renderers[0], renderers[0].media_type


def _loads(raw: bytes):
    try:
        return json.loads(raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise malformed(f"The body is nested deeper than {MAX_DEPTH}.") from error
    except ValueError as error:
        raise malformed(f"The body is not JSON: {error}.") from error


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise malformed("An object in the body has the same key twice.")
    return found


def _no_constant(name: str):
    raise malformed(f"{name} is not JSON.")


def _check(value, depth: int = 1) -> None:
    """Raise Problem for what JSON allows but a database or another client would not take."""
    if isinstance(value, (dict, list)) and depth > MAX_DEPTH:
        raise malformed(f"The body is nested deeper than {MAX_DEPTH}.")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise malformed("A number in the body is too large.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise malformed("A text in the body holds NUL.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise malformed("A text in the body holds half a surrogate pair.") from error

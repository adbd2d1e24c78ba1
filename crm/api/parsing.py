"""Bodies read strictly: whatever one database or client would take differently from another is refused here."""

import json
import math

from django.http import Http404
from rest_framework.exceptions import NotAcceptable, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation

from .problems import Problem, malformed

MAX_DEPTH = 5
KIB = 1024


def read_object(request, *, limit: int) -> dict:
    """Return the JSON object in a request's body, which may have ``limit`` bytes. Raises Problem.

    No byte is read of a body whose length is over the limit, and of a chunked one no more than one byte over it.
    Duplicate keys, NUL, lone surrogates, NaN, Infinity and deep nesting are refused.
    """
    length = declared_length(request)
    if length == 0:
        raise malformed("There is no body.")
    if not is_json(request):
        raise UnsupportedMediaType(request.content_type)
    if (length or 0) > limit:
        raise too_large(limit)
    raw = _read(_stream(request), limit + 1)
    if len(raw) > limit:
        raise too_large(limit)
    if not raw:
        raise malformed("There is no body.")
    body = _loads(raw)
    if not isinstance(body, dict):
        raise malformed("The body is not a JSON object.")
    _check(body)
    return body


def too_large(limit: int) -> Problem:
    return Problem(413, "too-large", f"The body may have {limit // KIB:,} KiB.")


def declared_length(request) -> int | None:
    """Return the length that a request declares for its body; None for a chunked body, which declares none.

    Raises Problem for a body in any other transfer coding.
    """
    if coding := request.META.get("HTTP_TRANSFER_ENCODING", "").strip().lower():
        if coding != "chunked":
            raise malformed("The only Transfer-Encoding is chunked.")
        if request.META.get("wsgi.input_terminated") and request.META.get("CONTENT_LENGTH"):
            raise malformed("Content-Length and Transfer-Encoding exclude each other.")
        return None
    try:
        return max(0, int(request.META.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _stream(request):
    """Return where the body is read from.

    Django reads no more than the declared length, so nothing of a chunked body. Servers that end the stream where the
    body ends say so in their environment; on others reading on would wait for the client for ever.
    """
    if declared_length(request) is None and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _read(stream, size: int) -> bytes:
    """Return up to ``size`` bytes, however few of them come at a time. Raises Problem when the client breaks off."""
    raw = bytearray()
    try:
        while len(raw) < size and (piece := stream.read(size - len(raw))):
            raw += piece
    except Exception as error:
        # Each server has exceptions of its own for it.
        raise malformed("The body broke off, or its chunks cannot be read.") from error
    return bytes(raw)


class JSONOnly(BaseContentNegotiation):
    """Whatever the client says it accepts, the answer is JSON: a bot with a browser's headers is still a bot.

    It selects no parser, so `request.data` cannot be used: bodies are read by `read_object` alone.
    """

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


def is_json(request) -> bool:
    """Whether the request says that its body is JSON."""
    return (request.content_type or "").split(";")[0].strip().lower() == "application/json"


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

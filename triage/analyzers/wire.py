"""One HTTP request to an OpenAI-compatible endpoint: bounded in time and size, and silent about what it carries."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from .base import Unavailable
from .deadline import Deadline

#: An insight is a few hundred bytes; what is much longer is not one.
ANSWER_LIMIT = 256 * 1024

# At INFO these tell of every request, and at DEBUG of its inside.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``retry_after`` is in seconds, None when the server did not say."""

    status: int
    body: bytes
    retry_after: float | None = None


class Wire:
    """Posts JSON to one address with one key. Threads may share it.

    No connection is kept between requests: a worker that forks after this was made shares nothing with its children.
    """

    def __init__(self, *, url: str, key: str):
        self._url = url
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"},
            # With a transport of its own, no proxy of the environment is used; SSL_CERT_FILE still counts.
            transport=httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0)),
        )

    def post(self, body: dict, *, seconds: float) -> Answer:
        """Send, and wait for the whole answer at most so many seconds.

        Raises Unavailable: ``timeout``, ``unreachable``, or ``garbled`` when the answer breaks off or is too long.
        """
        deadline = Deadline(seconds)
        try:
            with (
                deadline,
                self._client.stream(
                    "POST", self._url, json=body, timeout=seconds, extensions={"trace": deadline.trace}
                ) as response,
            ):
                answer = Answer(response.status_code, _whole(response), _retry_after(response.headers))
            # A body without a length ends wherever it is cut.
            if not deadline.is_over:
                return answer
            reason = "timeout"
        except httpx.TimeoutException:
            reason = "timeout"
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.ProxyError):
            reason = "unreachable"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            reason = "garbled"
        # Outside the except block: what the client says may quote headers, and so the key.
        raise Unavailable("timeout" if deadline.is_over else reason)


def _whole(response: httpx.Response) -> bytes:
    """The body, not unpacked: a small answer must not become a large one. Raises ValueError when it is too long."""
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > ANSWER_LIMIT:
            raise ValueError("too long")
    return bytes(body)


def _retry_after(headers: httpx.Headers) -> float | None:
    word = headers.get("Retry-After", "").strip()
    if word.isascii() and word.isdigit():
        return float(word[:9])
    return _seconds_until(word)


def _seconds_until(date: str) -> float | None:
    """Seconds until an HTTP date; 0 when it has passed, None when it is none."""
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None


def content_of(body: bytes) -> str:
    """The model's words in a chat completion. Raises Unavailable: ``garbled`` when it is not one."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        content = None
    if not isinstance(content, str):
        raise Unavailable("garbled")
    return content

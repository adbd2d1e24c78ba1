"""Every refusal as application/problem+json (RFC 9457). No HTML and no stack trace leaves the API."""

import logging
import sqlite3

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions

from crm.group_commit import Interrupted
from crm.idempotency import KeyInProgress, KeyReused
from crm.services import TooContended
from routing.models import Source
from store.connections import discard_after
from store.errors import is_passing

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

TITLES = {
    "malformed": "The request cannot be read",
    "unauthenticated": "A valid API key is needed",
    "forbidden": "This key may not do that",
    "not-found": "There is no such thing here",
    "method-not-allowed": "This path does not take that method",
    "idempotency-key-reused": "The key came before with another body",
    "idempotency-in-progress": "The first request with this key has not ended yet",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body must be application/json",
    "invalid": "Some fields are wrong",
    "throttled": "Too many requests",
    "insight-pending": "The inquiry has not been read yet",
    "internal": "Something broke on our side",
    "unavailable": "The service cannot be reached for the moment",
}

#: PostgreSQL's code.
FOREIGN_KEY_VIOLATION = "23503"
#: After so long a passing state of the database may have passed.
RETRY_SECONDS = 2
#: A connection lost at the commit leaves it open whether it was made.
UNSURE = "It may not have been saved. Send it again: with the same Idempotency-Key nothing is doubled."


class Problem(exceptions.APIException):
    """A refusal with a slug of the table above."""

    def __init__(self, status: int, slug: str, detail: str, *, errors: list | None = None, retry_after: int = 0):
        super().__init__(detail)
        self.status_code, self.slug, self.errors, self.retry_after = status, slug, errors, retry_after


def malformed(detail: str) -> Problem:
    return Problem(400, "malformed", detail)


def body_of(problem: Problem) -> dict:
    """What is said of a problem. The type is stable: clients may branch on it."""
    body = {
        "type": f"/api/problems/{problem.slug}",
        "title": TITLES[problem.slug],
        "status": problem.status_code,
        "detail": str(problem.detail),
    }
    if problem.errors is not None:
        body["errors"] = problem.errors
    return body


def answer_exception(error: Exception, context: dict | None = None) -> JsonResponse:
    """Return the problem that any exception of a view means. DRF's hook."""
    problem = as_problem(error)
    discard_after(error)
    # Past the view's renderer, which may be one for YAML.
    response = JsonResponse(body_of(problem), status=problem.status_code, content_type=CONTENT_TYPE)
    if problem.status_code == 401:
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    if problem.retry_after:
        response["Retry-After"] = str(problem.retry_after)
    return response


def as_problem(error: Exception) -> Problem:
    """The problem that an exception of the views, of DRF, of the services or of the database means."""
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return Problem(422, "invalid", "See errors.", errors=_field_errors(error.get_full_details()))
        case exceptions.ParseError():
            return malformed(str(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Problem(401, "unauthenticated", str(error.detail))
        case exceptions.PermissionDenied():
            return Problem(403, "forbidden", str(error.detail))
        case Source.DoesNotExist():
            return Problem(401, "unauthenticated", "The source of this key was deleted.")
        case IntegrityError() if is_missing_reference(error):
            return Problem(404, "not-found", "Something that this request refers to was deleted meanwhile.")
        case exceptions.NotFound() | Http404() | ObjectDoesNotExist():
            return Problem(404, "not-found", "There is nothing at this address that this key may see.")
        case exceptions.MethodNotAllowed():
            return Problem(405, "method-not-allowed", str(error.detail))
        case exceptions.UnsupportedMediaType():
            return Problem(415, "unsupported-media-type", str(error.detail))
        case exceptions.Throttled():
            return Problem(429, "throttled", str(error.detail), retry_after=max(1, int(error.wait or 1)))
        case KeyReused():
            return Problem(409, "idempotency-key-reused", "Use a new Idempotency-Key for another body.")
        case KeyInProgress():
            return Problem(409, "idempotency-in-progress", "Ask again in a moment.", retry_after=1)
        case TooContended() | Interrupted():
            return Problem(503, "unavailable", UNSURE, retry_after=RETRY_SECONDS)
        case _ if is_passing(error):
            return Problem(503, "unavailable", UNSURE, retry_after=RETRY_SECONDS)
        case exceptions.APIException() if error.status_code < 500:
            return malformed(str(error.detail))
        case _:
            logger.error("The API broke", exc_info=error)
            return Problem(500, "internal", UNSURE)


def is_missing_reference(error: IntegrityError) -> bool:
    """Return whether a row refers to one that is gone: it was deleted between being found and the commit."""
    driver_error = error.__cause__
    if state := getattr(driver_error, "sqlstate", None):
        return state == FOREIGN_KEY_VIOLATION
    return getattr(driver_error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY


def _field_errors(details, field: str = "") -> list[dict]:
    """DRF's nested error details as a flat list."""
    if isinstance(details, dict) and "message" in details and "code" in details:
        return [{"field": field, "code": details["code"], "message": str(details["message"])}]
    if isinstance(details, dict):
        named = [(f"{field}.{name}" if field else name, inner) for name, inner in details.items()]
    else:
        named = [(field, inner) for inner in details]
    return [error for name, inner in named for error in _field_errors(inner, name)]


def refuse(request: HttpRequest, exception: Exception | None, *, status: int, slug: str, page) -> HttpResponse:
    """Django's own error pages outside the API, a problem inside: for what is refused before a view is reached."""
    if not request.path_info.startswith("/api/"):
        return page(request) if status == 500 else page(request, exception)
    return JsonResponse(body_of(Problem(status, slug, TITLES[slug] + ".")), status=status, content_type=CONTENT_TYPE)


def bad_request(request, exception):
    return refuse(request, exception, status=400, slug="malformed", page=defaults.bad_request)


def permission_denied(request, exception):
    return refuse(request, exception, status=403, slug="forbidden", page=defaults.permission_denied)


def page_not_found(request, exception):
    return refuse(request, exception, status=404, slug="not-found", page=defaults.page_not_found)


def server_error(request):
    return refuse(request, None, status=500, slug="internal", page=defaults.server_error)


def plain_http() -> HttpResponse:
    """Return the refusal of what was sent to the API without TLS."""
    return answer_exception(Problem(403, "forbidden", "Use https://, and a new key: this one was sent in the open."))

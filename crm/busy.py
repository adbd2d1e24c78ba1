"""Answer for a database that is busy or away: 503 with a page that keeps what was typed."""

import logging

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from store.errors import is_passing

logger = logging.getLogger(__name__)

#: In seconds. A lock is free by then; a failover takes a few tries.
RETRY_AFTER = 5


class PatientSessions(SessionMiddleware):
    """Django's sessions, which answer with the busy page when the database fails for a moment.

    A middleware around the sessions would come too late for an error while one is saved: Django makes a 500 of it at
    once. The API has its own answer, see crm/api/problems.py.
    """

    def process_exception(self, request, error):
        if is_passing(error) and not request.path_info.startswith("/api/"):
            return busy_page(request, error)
        return None

    def process_response(self, request, response):
        try:
            return super().process_response(request, response)
        except Exception as error:
            if not _is_caused_by_passing(error):
                raise
            return busy_page(request, error)


def busy_page(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return the page that asks for another try. It reads nothing from the database: no session and no user."""
    logger.warning("The database did not answer: %s %s", request.method, request.path, exc_info=error)
    is_post = request.method == "POST"
    context = {
        "url": request.get_full_path() if is_post else _page_to_open(request),
        "is_post": is_post,
        "fields": _typed(request) if is_post else [],
        "has_password": is_post and any(map(_is_password, request.POST)),
        "csrf_token": _token(request) if is_post else "",
    }
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    return HttpResponse(render_to_string("desk/busy.html", context), status=503, headers=headers)


def _is_caused_by_passing(error: BaseException | None) -> bool:
    """Whether a passing error stands behind this one: sessions report a failed save as a session that was deleted."""
    while error and not is_passing(error):
        error = error.__context__
    return error is not None


def _typed(request) -> list[tuple[str, str]]:
    """The fields of the form as they were sent, each as often as it was. A password is not written into a page."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and not _is_password(name)
    ]


def _is_password(name: str) -> bool:
    return "password" in name.lower()


def _token(request) -> str:
    """A CSRF token for the secret that the browser has: one that a login has made meanwhile may never reach it."""
    if secret := request.COOKIES.get(settings.CSRF_COOKIE_NAME):
        request.META["CSRF_COOKIE"] = secret
    return get_token(request)


def _page_to_open(request) -> str:
    """The page to load again; a dialog is no page, the one that it stands on is."""
    opened_at = request.headers.get("HX-Current-URL", "")
    if url_has_allowed_host_and_scheme(opened_at, {request.get_host()}, require_https=request.is_secure()):
        return opened_at
    return request.get_full_path()

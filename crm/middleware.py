"""What every answer must have, and the way past the desk for what is posted by the thousand."""

from django.conf import settings
from django.utils.module_loading import import_string

INTAKE_PATHS = ("/api/v1/inquiries", "/api/v1/inquiries/")


class Confidential:
    """Keep answers out of every cache, and the API off plain HTTP.

    A browser that is redirected has only asked for a page. A client of the API has already sent its key and somebody's
    contacts, and would send them so again: it is told.
    """

    def __init__(self, get_response):
        self._get_response = get_response
        # The views import models, which are not ready when settings are read.
        self._refuse = import_string("crm.api.problems.plain_http")

    def __call__(self, request):
        is_exposed = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if is_exposed and request.path_info.startswith("/api/"):
            response = self._refuse()
        else:
            response = self._get_response(request)
        # Static files bring their own.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class IntakeFirst:
    """Answer posts to the intake before the middlewares below are reached: sessions, languages, messages, users.

    They are the desk's; the intake needs none of them, and they take as long as the intake itself.
    """

    def __init__(self, get_response):
        self._get_response = get_response
        # The views import models, which are not ready when settings are read.
        self._intake = import_string("crm.api.intake.Inquiries").as_view()

    def __call__(self, request):
        if request.method == "POST" and request.path_info in INTAKE_PATHS:
            # CommonMiddleware would refuse a forged host.
            request.get_host()
            return self._intake(request)
        return self._get_response(request)

"""The way past the desk for what is posted by the thousand."""

from django.utils.module_loading import import_string

INTAKE_PATHS = ("/api/v1/inquiries", "/api/v1/inquiries/")


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

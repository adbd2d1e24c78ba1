import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# The offline analyzer is loaded by its first text: not at the cost of the first who posts.
from triage.services import is_urgent  # noqa: E402 - Django is set up by now.

is_urgent("")

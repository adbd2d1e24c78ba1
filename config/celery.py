"""The Celery application: `celery -A config worker`, `celery -A config beat`."""

import os
import sys
from pathlib import Path

from celery import Celery, signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("crm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# bin/celery, or celery/__main__.py for `python -m celery`.
if "celery" in Path(sys.argv[0]).parts[-2:]:
    # Celery's own command would show a traceback; manage.py and gunicorn say it in their own ways.
    try:
        settings.INSTALLED_APPS  # noqa: B018 - to read them
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting. {error}")


@signals.celeryd_init.connect
@signals.beat_init.connect
def refuse_wrong_settings(**kwargs):
    """End a worker or beat with a sentence. Celery runs Django's checks too, and does not look at what they found."""
    from crm import checks

    if sentences := checks.not_at_scale() or checks.wrong_settings():
        sys.exit(sentences)

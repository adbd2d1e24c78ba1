"""gunicorn, where a platform insists on it: `gunicorn -c config/gunicorn.py config.wsgi`.

`manage.py web` is what docker-compose.yml runs, and faster by a fifth (benchmarks/README.md). Both need a proxy in
front that buffers requests.
"""

import os
import sys

bind = os.environ.get("BIND", "0.0.0.0:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "1"))
threads = int(os.environ.get("WEB_THREADS", "16"))
# A heartbeat file on a disk can hold a worker up; memory cannot.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# It would be put under $HOME, which a container's user need not have.
control_socket_disable = True
# Requests end in well under a second; what is left after this is cut off, and was not answered.
graceful_timeout = 10
accesslog = None


def on_starting(server):
    """Refuse to start on a wrong setting. gunicorn runs none of Django's checks."""
    import django
    from django.core.exceptions import ImproperlyConfigured

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting. {error}")
    from crm import checks

    if sentences := checks.not_at_scale() or checks.wrong_settings() or checks.not_collected():
        sys.exit(sentences)

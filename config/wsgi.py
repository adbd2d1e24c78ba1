import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Models can be imported by now.
from store.compiled import Compiled  # noqa: E402
from triage.services import is_urgent  # noqa: E402

# What is made once a process, not at the cost of the first who posts.
Compiled.compile_all()
is_urgent("")
# All of this stays for good: the collector need not walk through it time and again, which took a third of a batch.
gc.collect()
gc.freeze()

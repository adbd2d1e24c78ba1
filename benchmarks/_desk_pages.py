"""Time the desk's pages on the database of the environment, and print the figures as JSON.

python -m benchmarks._desk_pages [REPEATS]
"""

import json
import os
import statistics
import sys
import time


def main(repeats: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model().objects
    user = users.filter(username="bench").first() or users.create_superuser("bench")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    print(json.dumps({name: measured(client, path, repeats) for name, path in pages().items()}))


def pages() -> dict[str, str]:
    """Return the pages a supervisor opens, by what they are called."""
    from django.urls import reverse

    from leads.models import Inquiry, Lead

    inquiries, lead = reverse("admin:leads_inquiry_changelist"), Lead.objects.exclude(phone="").first()
    resolved = Inquiry.objects.filter(resolved_at__isnull=False).first()
    return {
        "dashboard": reverse("admin:index"),
        "inquiries": inquiries,
        "inquiries, waiting": f"{inquiries}?show=waiting",
        "inquiries, a name": f"{inquiries}?q={lead.name.replace(' ', '+')}",
        "inquiries, a phone": f"{inquiries}?q={lead.phone.lstrip('+')}",
        "an inquiry": reverse("admin:leads_inquiry_change", args=[resolved.pk]),
        "leads": reverse("admin:leads_lead_changelist"),
        "leads, a name": f"{reverse('admin:leads_lead_changelist')}?q={lead.name.replace(' ', '+')}",
        "insights": reverse("admin:triage_insight_changelist"),
    }


def measured(client, path: str, repeats: int) -> dict:
    """Return the median milliseconds of a page and the number of its queries. Exits when it does not come."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    # Counted on the second time: the first fills caches, and counting costs time, so the timed ones are others.
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            response = client.get(path)
        # Read at once: the next request empties the log.
        query_count = len(captured)
        if response.status_code != 200 or not query_count:
            sys.exit(f"{path} answered with {response.status_code} after {query_count} queries")
    return {
        "milliseconds": statistics.median(seconds(client, path) for _ in range(repeats)) * 1000,
        "queries": query_count,
    }


def seconds(client, path: str) -> float:
    started = time.perf_counter()
    client.get(path)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

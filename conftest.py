"""What every test may use. The settings of the tests are in config/testing.py."""

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

# The same examples every time: a red build can be had again, and a slow machine is no failure.
hypothesis.register_profile(
    "house", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.load_profile("house")


def pytest_collection_modifyitems(config, items):
    """On PostgreSQL leave out what uses neither database nor broker: the round on SQLite has tried it."""
    if connection.vendor != "postgresql":
        return
    left_out = [item for item in items if not _uses_servers(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _uses_servers(item)]


def _uses_servers(item) -> bool:
    markers = (item.get_closest_marker("django_db"), item.get_closest_marker("postgresql"))
    return any(markers) or bool({"db", "redis_url"}.intersection(item.fixturenames))


def pytest_runtest_setup(item):
    if item.get_closest_marker("postgresql") and connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: `make test` brings one")


def pytest_report_header():
    broker = "Redis" if settings.REDIS_URL else "the memory of the process"
    return f"database: {connection.vendor}, broker: {broker}"


@pytest.fixture(autouse=True)
def forget_what_is_remembered():
    """API keys, readiness and the chosen analyzer are remembered for seconds, which no test wants to wait."""
    from crm.api import authentication, health
    from triage.services import urgency

    authentication._known_keys.clear()
    health.readiness.forget()
    urgency._remembered.cache_clear()


@pytest.fixture
def redis_url():
    """The address of a real Redis, a database of this process's own, empty at the start."""
    if not settings.REDIS_URL:
        pytest.skip("needs Redis: `make test` brings one")
    from redis import Redis

    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    return settings.REDIS_URL

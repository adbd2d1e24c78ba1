"""Nobody fills the disk with our logs, writes lines into them, or reads personal data there."""

import io
import logging
import logging.config

import pytest
from django.conf import settings
from django.db import IntegrityError

from config.logs import Limit, Line

from .conftest import problem


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines():
    """The lines that the service's own handler writes, as it is set up."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line(settings.LOGGING["formatters"]["line"]["format"]))
    handler.addFilter(Limit())
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    root.removeHandler(handler)


def record(message, *args, level=logging.WARNING, line=1, error=None, name="crm"):
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord(name, level, "crm/x.py", line, message, args, exc_info)


def texts(limit, records):
    """Return what a filter lets through, as text."""
    return [Line("%(message)s").format(one) for one in records if limit.filter(one)]


def test_service_logs_with_a_limit():
    handler = settings.LOGGING["handlers"]["console"]

    assert settings.LOGGING["filters"][handler["filters"][0]]["()"] == "config.logs.Limit"
    assert settings.LOGGING["formatters"][handler["formatter"]]["()"] == "config.logs.Line"
    logging.config.DictConfigurator(settings.LOGGING)


def test_place_that_logs_without_end_is_cut_short_and_counted():
    clock = Clock()
    limit = Limit(per_minute=3, clock=clock)

    first_minute = texts(limit, [record("Number %d", number) for number in range(100)])
    clock.now = 61
    second_minute = texts(limit, [record("Number %d", number) for number in range(100)])

    cut = "Number 2 [more like this are left out for up to a minute]"
    assert first_minute == ["Number 0", "Number 1", cut]
    assert second_minute == ["Number 0 [97 more like this were left out before]", "Number 1", cut]


def test_each_place_and_each_kind_of_defect_has_a_limit_of_its_own():
    limit = Limit(per_minute=1)
    different = [
        {},
        {"line": 2},
        {"name": "django"},
        {"error": KeyError()},
        {"error": ValueError()},
    ]

    assert len(texts(limit, [record("It broke", **place) for place in different])) == 5
    assert texts(limit, [record("It broke", **place) for place in different]) == []


def test_what_is_no_warning_is_not_limited():
    limit = Limit(per_minute=1)

    assert len(texts(limit, [record("Task done", level=logging.INFO) for _ in range(5)])) == 5


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/inquiries", "/api/v1/inquiries/batch", "/healthz"])
def test_forged_hosts_are_ten_short_lines(client, db, lines, path):
    for number in range(30):
        client.post(path, headers={"host": f"evil{number}." + "x" * 5000})

    assert len(lines()) == 10
    assert max(map(len, lines())) <= 560
    assert "Traceback" not in "".join(lines())


def test_what_a_stranger_sends_is_not_logged_without_end(client, lines, db):
    stranger = client.__class__(enforce_csrf_checks=True, raise_request_exception=False)
    for number in range(15):
        stranger.post("/admin/login/", {"username": "ann@example.com"})
        stranger.post("/admin/login/", {f"field{n}": "" for n in range(1001)})
        stranger.post("/admin/login/", {"username": "x" * 600_000})
        stranger.post("/admin/login/", b"broken", content_type="multipart/form-data; boundary=x")
        stranger.get(f"/nowhere/{number}\n2026-01-01 CRITICAL forged")
        stranger.get(f"/api/v1/{number}/%ff")
        stranger.post("/api/v1/inquiries", b"{", content_type="application/json")
        stranger.post(
            "/api/v1/inquiries", b"{}", "application/json", headers={"authorization": f"Bearer crm_{number:08}_guess"}
        )
        stranger.get("/admin/", headers={"cookie": f"sessionid={number}:forged"})

    assert len(lines()) <= 40
    assert "ann@example.com" not in "".join(lines())
    assert not any(line.startswith("2026-01-01 CRITICAL") for line in lines())


def test_line_cannot_be_forged(lines):
    logging.getLogger("crm").warning("Refused %s", "x\n2026-11-20 ERROR crm forged\x1b[2J")

    (line,) = lines()
    assert line.endswith("Refused x\\x0a2026-11-20 ERROR crm forged\\x1b[2J")


def test_defect_is_logged_with_its_traceback_and_without_the_row(intake, ann, monkeypatch, lines):
    words = "duplicate key\nDETAIL:  Key (value)=(ann@example.com) already exists.\nCONTEXT: x"

    def fail(*args, **kwargs):
        raise IntegrityError(words)

    monkeypatch.setattr("crm.services.open_inquiries", fail)
    assert problem(intake.post(ann)) == "internal"

    said = "\n".join(lines())
    assert "Traceback" in said
    assert "DETAIL: left out" in said
    assert "ann@example.com" not in said

"""Settings of the alerts that are well formed and still wrong."""

import base64

import pytest

from triage import checks
from triage.checks import check_alert_emails, check_alert_webhook, check_training

SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()


def ids(found):
    return [message.id for message in found]


def test_it_accepts_what_is_right(settings):
    settings.ALERT_EMAILS, settings.EMAIL_URL = ["sue@example.com"], "smtp://host"
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = "https://example.com/hook", [SECRET, SECRET]

    assert check_alert_emails(None) == check_alert_webhook(None) == []


def test_it_refuses_what_is_no_address(settings):
    settings.ALERT_EMAILS, settings.EMAIL_URL = ["sue@example.com", "duty"], "smtp://host"

    (error,) = check_alert_emails(None)

    assert error.id == "triage.E001" and "'duty'" in error.msg


def test_it_warns_that_mail_is_only_printed(settings):
    settings.ALERT_EMAILS = ["sue@example.com"]

    assert ids(check_alert_emails(None)) == ["triage.W001"]


@pytest.mark.parametrize(
    ("url", "secrets", "found"),
    [
        ("https://example.com/hook", [], ["triage.E002"]),
        ("https://example.com/hook", ["whsec_short"], ["triage.E003"]),
        ("https://example.com/hook", [SECRET[6:]], ["triage.E003"]),
        ("https://example.com/hook", [SECRET, "whsec_кириллица"], ["triage.E003"]),
        ("", [SECRET], ["triage.W002"]),
        ("http://example.com/hook", [SECRET], ["triage.W003"]),
        ("http://localhost:9000/hook", [SECRET], []),
        ("", [], []),
    ],
)
def test_it_judges_address_and_secret_together(settings, url, secrets, found):
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = url, secrets

    assert ids(check_alert_webhook(None)) == found


def test_it_warns_of_nights_that_learn_nothing(settings, monkeypatch):
    settings.RETRAIN_NIGHTLY = True
    assert check_training(None) == []

    monkeypatch.setattr(checks, "find_spec", lambda name: None)

    assert ids(check_training(None)) == ["triage.W004"]

"""What failed, in the language of the desk: our own sentences are translated, technical detail is not."""

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from triage.services.failures import in_words
from triage.services.jobs import KILLED_EVERY_TIME
from triage.tests.factories import JobFactory

pytestmark = pytest.mark.django_db


def pages(job):
    return [reverse("admin:triage_job_changelist"), reverse("admin:triage_job_change", args=[job.pk])]


@pytest.fixture
def russian(admin_client):
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"
    yield admin_client
    translation.deactivate()


@pytest.mark.parametrize(
    ("failure", "english", "said"),
    [
        (KILLED_EVERY_TIME, "Its worker was killed every time it tried.", "Исполнителя убивало при каждой попытке."),
        (
            in_words(RuntimeError("disk 100% full")),
            "Something broke: RuntimeError: disk 100% full",
            "Что-то сломалось: RuntimeError: disk 100% full",
        ),
        ("502 Bad Gateway", "502 Bad Gateway", "502 Bad Gateway"),
    ],
)
def test_a_failure_is_said_in_the_language_of_the_desk(russian, failure, english, said):
    job = JobFactory(failure=failure, failed_at="2026-11-20T12:00Z")

    assert all(said in russian.get(page).content.decode() for page in pages(job))
    del russian.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert all(english in russian.get(page).content.decode() for page in pages(job))


def test_a_job_without_a_failure_says_nothing(admin_client):
    job = JobFactory()

    assert all("Project-Id-Version" not in admin_client.get(page).content.decode() for page in pages(job))


def test_what_a_failure_quotes_is_inert(admin_client):
    job = JobFactory(failure=in_words(ValueError("<script>alert(1)</script>")))

    assert all("<script>alert" not in admin_client.get(page).content.decode() for page in pages(job))

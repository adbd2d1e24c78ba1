"""Jobs and insights at the desk: read-only, and a second try for what failed."""

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from triage.admin import marked
from triage.models import Insight, Job

from .factories import JobFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/triage/job/"


def try_again(client, *jobs):
    chosen = [job.pk for job in jobs]
    return client.post(LIST, {"action": "try_again", "_selected_action": chosen, "index": "0"}, follow=True)


def said(response):
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def failed():
    return JobFactory(failed_at=timezone.now(), attempt_count=5, failure="The model did not answer.")


def test_failed_job_is_tried_again(admin_client, failed):
    response = try_again(admin_client, failed, JobFactory())

    assert said(response) == ["1 job will be tried again.", "1 job had not failed."]
    failed.refresh_from_db()
    assert (failed.failed_at, failed.attempt_count) == (None, 0)


def test_who_may_only_look_tries_nothing(client, failed):
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(user)

    try_again(client, failed)

    failed.refresh_from_db()
    assert failed.failed_at


def test_filter_shows_failed_queued_and_done_jobs(admin_client, failed):
    queued, done = JobFactory(), JobFactory(done_at=timezone.now())

    for state, job in {"failed": failed, "open": queued, "done": done}.items():
        assert list(admin_client.get(f"{LIST}?state={state}").context["cl"].result_list) == [job]


@pytest.mark.parametrize("model", ["job", "insight"])
def test_nothing_is_typed_here(admin_client, failed, model):
    Insight.objects.create(
        job=failed, inquiry=failed.inquiry, confidence=0.5, content_hash="", created_at=timezone.now()
    )
    row = {"job": Job, "insight": Insight}[model].objects.get()
    page = f"/admin/triage/{model}/{row.pk}"

    assert admin_client.get(f"/admin/triage/{model}/add/").status_code == 403
    assert admin_client.post(f"{page}/change/", {"priority": "P0"}).status_code == 403
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403


def words(message, text, **changes):
    start = message.index(text)
    return {"text": text, "start": start, "end": start + len(text), "for": "buy"} | changes


def test_the_words_that_told_are_marked_and_everything_is_escaped():
    message = "<b>urgent</b> & now"

    shown = marked(message, [words(message, "urgent", **{"for": '"><script>'})])

    assert shown == (
        '&lt;b&gt;<mark class="desk-mark" title="&quot;&gt;&lt;script&gt;">urgent</mark>&lt;/b&gt; &amp; now'
    )


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        [],
        [{}],
        [{"text": "urgent", "start": 1, "end": 7}],
        [{"text": "", "start": 0, "end": 0}],
        [{"text": "x", "start": "0", "end": None}],
        [{"text": "far", "start": 900, "end": 903}],
    ],
)
def test_evidence_that_is_not_there_marks_nothing(evidence):
    assert marked("urgent pricing", evidence) == "urgent pricing"


def test_overlapping_words_are_marked_once():
    message = "urgent pricing"

    shown = marked(message, [words(message, "urgent pricing"), words(message, "pricing")])

    assert shown.count("<mark") == 1
    assert shown.count("pricing") == 1

"""P18 in short: an operator's load is counted from an index of open inquiries, however long the history."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from leads.models import Inquiry, Lead
from leads.queries import ahead_of, open_counts, same_content
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory, LeadFactory

pytestmark = pytest.mark.django_db


def test_only_open_inquiries_count_and_those_who_hold_none_are_left_out():
    anna, boris, clara = OperatorFactory(name="Anna"), OperatorFactory(name="Boris"), OperatorFactory(name="Clara")
    for operator, resolved_at in [(anna, None), (anna, None), (anna, timezone.now()), (boris, timezone.now())]:
        InquiryFactory(operator=operator, resolved_at=resolved_at)
    InquiryFactory(operator=clara)

    assert open_counts([anna.pk, boris.pk]) == {anna.pk: 2}


@pytest.fixture
def history():
    """Three thousand resolved inquiries of a thousand leads and a few open ones, as the planner knows them."""
    anna, site, lead = OperatorFactory(name="Anna"), SourceFactory(), LeadFactory()
    leads = Lead.objects.bulk_create([LeadFactory.build() for _ in range(1000)])
    old = {"source": site, "operator": anna, "resolved_at": timezone.now()}
    Inquiry.objects.bulk_create(
        [InquiryFactory.build(**old, lead=leads[n % 1000], message=str(n)) for n in range(3000)]
    )
    for _ in range(3):
        InquiryFactory(lead=lead, source=site, operator=anna)
        InquiryFactory(lead=lead, source=site)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE leads_inquiry")
    return anna, site


def plan_of(read):
    """How the database carries out what a read asks, with its parameters bound as they are in service."""
    asked = []

    def note(execute, sql, params, many, context):
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        read()
    sql, params = asked[0]
    word = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{word} {sql}", params)
        return str(cursor.fetchall())


def test_the_count_reads_the_index_of_open_inquiries(history):
    anna, _ = history

    assert "inquiry_by_operator" in plan_of(lambda: open_counts([anna.pk]))
    assert open_counts([anna.pk]) == {anna.pk: 3}


@pytest.mark.postgresql
def test_the_count_never_reads_the_table(history):
    anna, _ = history

    # A bitmap scan would look at everything resolved since the last VACUUM, again for each intake.
    assert "Index Only Scan" in plan_of(lambda: open_counts([anna.pk]))


def test_the_next_waiting_one_is_found_without_the_history(history):
    _, site = history

    plan = plan_of(lambda: Inquiry.objects.waiting().filter(source__in=[site.pk]).first())

    # With few open ones PostgreSQL may take either; both hold open inquiries only.
    assert "inquiry_waiting" in plan or "inquiry_by_operator" in plan


def test_a_repetition_is_looked_for_in_an_index(history):
    _, site = history
    inquiry = Inquiry.objects.waiting().first()
    since = timezone.now() - timedelta(minutes=10)

    plan = plan_of(lambda: same_content([inquiry.lead_id], [inquiry.content_hash], source=site, since=since))

    assert "inquiry_same_content" in plan


def test_the_more_urgent_and_the_older_are_ahead():
    site, now = SourceFactory(), timezone.now()
    late, urgent, early = (
        InquiryFactory(source=site, priority=priority, created_at=now - timedelta(minutes=age))
        for priority, age in [("P2", 1), ("P0", 0), ("P2", 5)]
    )
    InquiryFactory(created_at=now - timedelta(days=1))

    assert [ahead_of(inquiry) for inquiry in (urgent, early, late)] == [0, 1, 2]
    assert list(site.inquiries.waiting()) == [urgent, early, late]

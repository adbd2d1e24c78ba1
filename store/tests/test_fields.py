"""A record is kept as it was written, on each database."""

import pytest
from django.db import connection

from leads.models import Assignment
from leads.tests.factories import InquiryFactory

pytestmark = pytest.mark.django_db

RECORD = {"z": 1, "a": [None, True, 1.5, 10**20, "Ё \u2028 \\ \" '"], "": {}}


def test_record_comes_back_as_it_was_written_in_the_order_of_its_names():
    made = Assignment.objects.create(
        inquiry=InquiryFactory(), reason="fair", trigger="intake", decision=RECORD, created_at="2026-11-20T12:00:00Z"
    )

    decision = Assignment.objects.values_list("decision", flat=True).get(pk=made.pk)

    assert decision == Assignment.objects.get().decision == RECORD
    assert list(decision) == ["z", "a", ""]


@pytest.mark.postgresql
def test_record_is_text_to_postgresql():
    with connection.cursor() as cursor:
        cursor.execute("SELECT data_type FROM information_schema.columns WHERE column_name = 'decision'")

        assert cursor.fetchall() == [("json",)]

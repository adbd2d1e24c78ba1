import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from crm.demo.company import sample_inquiries
from crm.models import ApiKey
from leads.models import Inquiry, Lead
from leads.services.pool import Pool
from routing.models import Source
from triage.models import Insight

pytestmark = pytest.mark.django_db(transaction=True)


def run_demo():
    table = StringIO()
    call_command("demo", stdout=table, stderr=StringIO())
    return table.getvalue()


def test_it_sends_real_inquiries_once_and_shows_what_became_of_them():
    table = run_demo()

    samples = sample_inquiries()
    assert Inquiry.objects.count() == Insight.objects.count() == len(samples) >= 60
    assert Lead.objects.count() < len(samples)
    assert set(Inquiry.objects.values_list("status", flat=True)) == {"waiting", "assigned", "resolved"}
    assert "Anna Smirnova" in table and "(nobody is on duty)" in table and "not read yet" not in table
    assert len(table.splitlines()) == len(samples) + 1
    assert "(everyone on duty is full)" in table and "()" not in table
    assert not ApiKey.objects.exists()

    site = Source.objects.get(slug="site")
    with transaction.atomic():
        assert Pool([site.pk], now=timezone.now()).has_room(site.pk), "the first curl must find an operator"

    assert run_demo() == table
    assert Inquiry.objects.count() == len(samples)


def test_the_samples_are_in_both_languages_and_through_every_source():
    samples = sample_inquiries()

    russian = [sample for sample in samples if re.search("[а-я]", sample["message"])]
    assert 20 <= len(russian) <= len(samples) - 20
    assert {sample["source"] for sample in samples} == {"site", "telegram", "whatsapp", "mailbox", "phone", "partners"}

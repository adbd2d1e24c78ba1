"""A compiled queryset reads what the queryset itself reads, on each database, for whatever values it is given."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import DateTimeField

from crm.tests.intake import statements
from leads.models import Inquiry
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.models import Operator
from routing.tests.factories import OperatorFactory, SourceFactory
from store.compiled import Compiled, Given, GivenList

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

SINCE = Compiled(
    lambda: (
        Inquiry.objects.filter(
            lead__among=GivenList("leads"),
            message__among=GivenList("messages"),
            created_at__gte=Given("since", DateTimeField()),
        )
        .order_by("created_at", "id")
        .values_list("id", "lead_id", "created_at", "extra", "source__is_active")
    )
)


@pytest.fixture
def inquiries():
    rng = random.Random(7)
    leads, site = [LeadFactory() for _ in range(5)], SourceFactory()
    return [
        InquiryFactory(
            lead=rng.choice(leads),
            source=site,
            message=rng.choice(["Цена?", "it's", '"', "100 %", ""]),
            extra=rng.choice([{}, {"utm": "ads", "n": 10**20}]),
            created_at=NOON + timedelta(minutes=rng.randint(0, 90)),
        )
        for _ in range(40)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_compiled_queryset_reads_the_same_rows_as_the_queryset(inquiries, seed):
    rng = random.Random(seed)
    leads = rng.sample(sorted({inquiry.lead_id for inquiry in inquiries}), k=3) + [uuid4()]
    messages = rng.sample(["Цена?", "it's", '"', "100 %", "", "none of them"], k=3)
    since = NOON + timedelta(minutes=rng.randint(0, 90))
    plain = Inquiry.objects.filter(lead__in=leads, message__in=messages, created_at__gte=since)

    rows = SINCE.rows(leads=leads, messages=messages, since=since)

    columns = ("id", "lead_id", "created_at", "extra", "source__is_active")
    assert [tuple(row) for row in rows] == list(plain.order_by("created_at", "id").values_list(*columns))


def test_text_does_not_depend_on_the_number_of_values(inquiries):
    with statements() as sent:
        for count in (0, 1, 4):
            leads = [inquiry.lead_id for inquiry in inquiries[:count]]
            SINCE.rows(leads=leads, messages=["x"] * count, since=NOON)

    assert (len(sent), len(set(sent))) == (3, 1)


def test_value_that_is_missing_is_a_key_error():
    with pytest.raises(KeyError, match="since"):
        SINCE.rows(leads=[], messages=[])


@pytest.mark.postgresql
def test_lock_is_taken_on_the_rows_of_the_named_model_only():
    of_sources = Operator.objects.filter(sources__among=GivenList("sources"))
    operators = Compiled(lambda: of_sources.values_list("pk"), lock=Operator)
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1})

    with statements() as sent:
        assert operators.rows(sources=[site.pk]) == [(anna.pk,)]

    assert sent[0].endswith('FOR NO KEY UPDATE OF "routing_operator"')

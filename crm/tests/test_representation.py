"""What is put together by hand for speed is what the described serializer would say, field by field."""

import json
from datetime import UTC, timedelta, timezone

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from crm.api.representation import inquiry_payload
from crm.api.serializers import InquiryAnswer
from leads.models import Inquiry, Lead
from leads.services import NewInquiry, RecognisedLead
from routing.choice import Candidate
from routing.models import Operator, Source
from triage.models import Insight, Job

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=3)), timezone(timedelta(hours=-9, minutes=-30))])
MOMENTS = st.datetimes(timezones=ZONES).filter(lambda moment: 1900 < moment.year < 9000)
LEADS = st.builds(Lead, name=TEXT, email=TEXT, phone=TEXT)
OPERATORS = st.builds(Operator, id=st.integers(1, 2**40), name=TEXT)
EVIDENCE = st.fixed_dictionaries({"text": TEXT, "start": st.integers(0, 99), "end": st.integers(0, 99), "for": TEXT})
INQUIRIES = st.builds(
    Inquiry,
    lead=LEADS,
    source=st.builds(Source, slug=st.sampled_from(["site", "bot-2"])),
    message=TEXT,
    extra=st.dictionaries(TEXT, SCALAR, max_size=4),
    created_at=MOMENTS,
    operator=st.none() | OPERATORS,
    waiting_reason=st.sampled_from(["", "all_full", "nobody_on_duty"]),
    resolved_at=st.none() | MOMENTS,
    # Of the database's making; here it is only to be passed on.
    status=st.sampled_from(["assigned", "waiting", "resolved"]),
)


def insight_of(inquiry, data):
    return data.draw(
        st.none()
        | st.builds(
            Insight,
            job=st.just(Job(inquiry=inquiry)),
            inquiry=st.just(inquiry),
            intent=TEXT,
            priority=st.sampled_from(["P0", "P3"]),
            next_action=TEXT,
            confidence=st.floats(0, 1),
            tags=st.lists(TEXT, max_size=3),
            evidence=st.lists(EVIDENCE, max_size=2),
            analyzer=TEXT,
            version=TEXT,
            note=TEXT,
            created_at=MOMENTS,
        )
    )


def as_sent(payload) -> dict:
    return json.loads(JSONRenderer().render(payload))


@pytest.fixture(scope="module", params=["UTC", "Europe/Moscow"])
def desk_in(request):
    return request.param


@settings(max_examples=150)
@given(inquiry=INQUIRIES, data=st.data(), told=st.fixed_dictionaries({"name": TEXT, "email": TEXT, "phone": TEXT}))
def test_payload_is_what_the_described_serializer_says(desk_in, inquiry, data, told):
    insight = insight_of(inquiry, data)
    with override_settings(TIME_ZONE=desk_in):
        payload = inquiry_payload(inquiry, lead=told, insight=insight)
        inquiry.waiting_reason = inquiry.waiting_reason or None
        inquiry.insight = insight
        described = InquiryAnswer(inquiry).data | {"lead": {"id": str(inquiry.lead_id)} | told}

        assert as_sent(payload) == as_sent(described)
        assert list(payload) == list(described)


@settings(max_examples=100)
@given(
    lead=LEADS,
    message=TEXT,
    extra=st.dictionaries(TEXT, SCALAR, max_size=4),
    created_at=MOMENTS,
    operator=st.none() | OPERATORS,
)
def test_inquiry_being_taken_in_is_represented_as_the_row_it_becomes(lead, message, extra, created_at, operator):
    source = Source(slug="site")
    reason = "" if operator else "all_full"
    known = RecognisedLead(lead.id, name=lead.name, email=lead.email, phone=lead.phone)
    candidate = operator and Candidate(operator.id, operator.name, weight=1, open_count=0, max_load=5)
    new = NewInquiry(known, source, message, extra, "", created_at, operator=candidate, waiting_reason=reason)
    row = Inquiry(
        id=new.id,
        lead=lead,
        source=source,
        message=message,
        extra=extra,
        created_at=created_at,
        operator=operator,
        waiting_reason=reason,
        status="assigned" if operator else "waiting",
    )

    told = {"name": lead.name, "email": lead.email, "phone": lead.phone}
    assert as_sent(inquiry_payload(new, lead=told)) == as_sent(inquiry_payload(row, lead=told))

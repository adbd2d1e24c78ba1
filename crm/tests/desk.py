"""A desk with something on it: as many of everything as a test wants."""

from datetime import time, timedelta

from django.contrib.auth.models import Group, Permission, User
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.keys import create_key
from crm.models import Scope
from leads.models import Assignment, PossibleDuplicate
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.choice import Candidate, choose
from routing.models import Absence, Shift
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Correction, Insight
from triage.tests.factories import JobFactory

MESSAGE = "Need urgent pricing for 50 seats"


def fill_desk(count, *, start=0):
    """``count`` of everything the desk lists, each with a source, an operator and a lead of its own."""
    for number in range(start, start + count):
        operator = OperatorFactory(name=f"Anna {number}")
        source = SourceFactory(weights={operator: 3})
        Shift.objects.create(operator=operator, weekday=0, starts=time(9), ends=time(18))
        now = timezone.now()
        Absence.objects.create(operator=operator, starts_at=now - timedelta(days=9), ends_at=now - timedelta(days=8))
        lead = LeadFactory(contacts=[("email", f"pat-{number}@example.com")])
        other = LeadFactory(name="Max Orlov")
        first, second = sorted([lead, other], key=lambda lead: lead.pk)
        PossibleDuplicate.objects.create(lead=first, other=second)
        held = InquiryFactory(lead=lead, source=source, operator=operator, message=MESSAGE, extra={"utm": "ads"})
        InquiryFactory(lead=other, source=source, created_at=now - timedelta(hours=1))
        assigned(held)
        corrected(read(held))
        create_key(source, name=f"page {number}", scope=Scope.FULL)
        User.objects.create_user(f"user-{number}")
        Group.objects.create(name=f"group-{number}")


def assigned(inquiry, **fields):
    """An assignment that says why the inquiry's operator has it."""
    operator = inquiry.operator
    decision = choose([Candidate(operator.pk, operator.name, 3, 0, operator.max_load)], strategy="fair")
    return Assignment.objects.create(
        inquiry=inquiry,
        operator=operator,
        reason=decision.reason,
        trigger="intake",
        decision=decision.as_record(),
        created_at=timezone.now(),
        **fields,
    )


def read(inquiry, **fields):
    """The insight of an inquiry that was read, with its job done."""
    job = JobFactory(inquiry=inquiry, done_at=timezone.now())
    understood = {
        "intent": "buy",
        "priority": "P0",
        "next_action": "call",
        "confidence": 0.93,
        "tags": ["urgent"],
        "evidence": [{"text": "urgent pricing", "start": 5, "end": 19, "for": "buy"}],
    }
    return Insight.objects.create(
        job=job,
        inquiry=inquiry,
        analyzer="rules",
        version="1",
        content_hash=inquiry.content_hash,
        created_at=timezone.now(),
        **understood | fields,
    )


def corrected(insight):
    """What a supervisor made of an insight that said something else."""
    return Correction.objects.create(
        insight=insight,
        content_hash=insight.content_hash,
        lang="en",
        intent=insight.intent,
        priority=insight.priority,
        next_action=insight.next_action,
        read_intent="info",
        read_priority="P3",
        read_next_action="email",
        analyzer=insight.analyzer,
        version=insight.version,
        created_at=timezone.now(),
    )


def staff(*permissions):
    """Somebody who may enter the desk and do what these permissions ("leads.view_inquiry") say."""
    user = User.objects.create_user("staff", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def queries_of(client, connection, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
        assert response.status_code == 200
        assert response.content
    return len(captured)


def said(response):
    """What the desk says after an action."""
    return [str(message) for message in response.context["messages"]]

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from leads.models import Assignment, Identity, Inquiry, Lead, LeadDetail
from routing.choice import ONE, replay
from routing.models import Operator, Source, Weight
from triage.models import Insight, Job

pytestmark = pytest.mark.django_db


def run(*args):
    out = StringIO()
    call_command(*args, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def filled():
    return run("fill", "--inquiries", "400", "--open", "60", "--sources", "3", "--operators", "7")


def test_fill_writes_as_many_rows_as_asked(filled):
    waiting = Inquiry.objects.waiting().count()

    assert filled == f"400 inquiries written, 60 of them open, {waiting} of those waiting.\n"
    assert (
        Inquiry.objects.count() == Assignment.objects.count() == Job.objects.count() == Insight.objects.count() == 400
    )
    assert Inquiry.objects.open().count() == 60
    assert (Source.objects.count(), Operator.objects.count()) == (3, 7)


def test_fill_makes_leads_who_come_back_and_can_be_recognised(filled):
    assert 200 < Lead.objects.count() < 400
    assert not Lead.objects.filter(identities=None).exists()
    assert (
        Lead.objects.filter(search__contains="лена").exists() or Lead.objects.filter(search__contains="анна").exists()
    )
    assert Identity.objects.filter(kind="phone", value__startswith="+70").exists()


def test_fill_keeps_the_promises_of_routing(filled):
    assert run("checkrouting").startswith("Nothing found")
    assert 0 < Inquiry.objects.waiting().count() < 30
    for assignment in Assignment.objects.all():
        assert replay(assignment.decision).as_record() == assignment.decision
        assert (assignment.operator_id, assignment.reason) == (
            assignment.decision["chosen"],
            assignment.decision["reason"],
        )


def test_fill_leaves_the_ledgers_balanced(filled):
    assert sum(Weight.objects.values_list("received_count", flat=True)) == 400 - Inquiry.objects.waiting().count()
    assert [w.due for w in Weight.objects.all()] == [w.received_count * ONE for w in Weight.objects.all()]


@pytest.mark.parametrize("model", [Lead, Identity, LeadDetail, Inquiry, Assignment, Job, Insight])
def test_filled_rows_are_valid(filled, model):
    connection.check_constraints()
    for row in model.objects.all()[:50]:
        row.full_clean(validate_unique=False)


def test_filled_ids_are_in_the_order_of_time(filled):
    for model in (Lead, Inquiry, Insight):
        moments = list(model.objects.order_by("id").values_list("created_at", flat=True))
        assert moments == sorted(moments)
        assert {pk.version for pk in model.objects.values_list("pk", flat=True)} == {7}


def test_filled_evidence_quotes_the_message(filled):
    for insight in Insight.objects.select_related("inquiry"):
        for words in insight.evidence:
            assert insight.inquiry.message[words["start"] : words["end"]] == words["text"]


def test_the_intake_goes_on_after_a_fill(filled, intake):
    answer = intake.post({"email": "ann@example.com"})

    assert answer.status_code == 201
    assert Job.objects.get(inquiry=json.loads(answer.content)["id"]).done_at is None


def test_a_second_fill_refuses_and_adds_only_when_told(filled):
    with pytest.raises(CommandError, match="holds inquiries already. --add"):
        run("fill", "--inquiries", "10")

    run("fill", "--inquiries", "10", "--add")
    assert Inquiry.objects.count() == 410
    assert run("checkrouting").startswith("Nothing found")


def test_one_operator_can_serve_several_sources():
    run("fill", "--inquiries", "30", "--open", "30", "--sources", "3", "--operators", "1")

    assert Weight.objects.count() == 3
    assert run("checkrouting").startswith("Nothing found")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--inquiries", "0"], "--inquiries is 0"),
        (["--inquiries", "-5"], "--inquiries is -5"),
        (["--inquiries", "many"], "invalid int value"),
        ([], "--inquiries"),
        (["--inquiries", "10", "--operators", "0"], "--operators is 0"),
        (["--inquiries", "10", "--sources", "-1"], "--sources is -1"),
        (["--inquiries", "10", "--open", "11"], "--open is 11; it must be 0 to 10"),
        (["--inquiries", "10", "--open", "-1"], "--open is -1"),
    ],
)
def test_fill_refuses_what_makes_no_sense(args, message):
    with pytest.raises(CommandError, match=message):
        run("fill", *args)

    assert not Source.objects.exists()

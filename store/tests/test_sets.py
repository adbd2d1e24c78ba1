"""A set that is written leaves the rows that the ORM would have left, on each database."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from crm.models import IdempotencyKey
from crm.tests.intake import key_of, statements
from leads.models import Assignment, Identity, Inquiry, Lead
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.models import Source, Weight
from routing.tests.factories import OperatorFactory, SourceFactory
from store.sets import insert, insert_new, update, write
from triage.models import Job

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
#: What texts and JSON hold at their worst.
HOSTILE = "Цена? 'quoted' \"twice\" \\ % %s $1 {} \u2028 🙂 \x7f\n"
EXTRA = {"a.b": None, "": True, "n": 10**30, "f": 1.5e300, "ё": HOSTILE, "0": -0.5}


def row_of(instance, *, without=()):
    """An instance as the columns of a row, without those that the database computes."""
    fields = [field for field in instance._meta.concrete_fields if not field.generated and field.name not in without]
    return {field.column: getattr(instance, field.attname) for field in fields}


def inquiry(**fields):
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1})
    return InquiryFactory.build(
        lead=LeadFactory(), source=site, operator=anna, message=HOSTILE, extra=EXTRA, created_at=NOON, **fields
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lead(name=HOSTILE, email="ann@example.com", search="ann", created_at=NOON, updated_at=NOON),
        inquiry,
        lambda: Identity(lead=LeadFactory(), kind="email", value="ann@example.com", created_at=NOON),
        lambda: Assignment(inquiry=InquiryFactory(), reason="fair", trigger="sweep", decision=EXTRA, created_at=NOON),
        lambda: Job(inquiry=InquiryFactory(), content_hash="x", due_at=NOON, created_at=NOON),
        lambda: IdempotencyKey(
            api_key=key_of(SourceFactory()), key=HOSTILE, digest="x", status=201, answer="", expires_at=NOON
        ),
    ],
)
def test_inserted_row_is_the_one_that_the_orm_inserts(make):
    instance = make()
    without = [] if instance._meta.pk.name == "id" and instance.pk else ["id"]
    row = row_of(instance, without=without)

    write(insert(type(instance), [row]))
    written = type(instance).objects.order_by("pk").last()

    with transaction.atomic():
        type(instance).objects.filter(pk=written.pk).delete()
        instance.pk = written.pk
        type(instance).objects.bulk_create([instance])
    by_orm = type(instance).objects.get(pk=written.pk)
    same = [field.attname for field in instance._meta.concrete_fields if not getattr(field, "auto_now_add", False)]
    same = [
        name for name in same if not getattr(instance._meta.get_field(name.removesuffix("_id")), "auto_now", False)
    ]
    assert {name: getattr(written, name) for name in same} == {name: getattr(by_orm, name) for name in same}


def test_many_rows_go_in_by_one_statement():
    rows = [row_of(Lead(name=f"Lead {n}", created_at=NOON, updated_at=NOON)) for n in range(300)]

    with statements() as sent:
        write(insert(Lead, rows))

    assert len(sent) == 1
    assert set(Lead.objects.values_list("name", flat=True)) == {f"Lead {n}" for n in range(300)}


def test_set_without_rows_asks_nothing():
    with statements() as sent:
        write(insert(Lead, []), update(Weight, []))

    assert len(sent) == 0


def test_rows_may_refer_to_each_other_in_any_order():
    lead, site = Lead(name="Ann", created_at=NOON, updated_at=NOON), SourceFactory()
    theirs = InquiryFactory.build(lead=lead, source=site, created_at=NOON)

    write(insert(Inquiry, [row_of(theirs)]), insert(Lead, [row_of(lead)]))

    assert Inquiry.objects.get().lead == lead


def test_update_sets_the_columns_of_the_named_rows_and_of_no_other():
    anna, boris, clara = (OperatorFactory() for _ in range(3))
    site = SourceFactory(weights={anna: 1, boris: 1, clara: 1})
    first, second, other = Weight.objects.order_by("operator_id")

    write(
        update(
            Weight,
            [
                {"id": first.pk, "due": -(2**40), "last_received_at": NOON},
                {"id": second.pk, "due": 7, "last_received_at": None},
            ],
        )
    )

    rows = Weight.objects.filter(source=site).order_by("operator_id").values_list("due", "last_received_at")
    assert list(rows) == [(-(2**40), NOON), (7, None), (other.due, None)]


def test_conflict_is_an_integrity_error_that_names_the_constraint():
    lead = LeadFactory(contacts=[("email", "ann@example.com")])
    row = {"lead_id": lead.pk, "kind": "email", "value": "ann@example.com", "created_at": NOON}

    with (
        pytest.raises(IntegrityError, match=r"identity_belongs_to_one_lead|leads_identity\.kind"),
        transaction.atomic(),
    ):
        write(insert(Identity, [row]))


def test_conflicts_are_passed_over_where_that_is_wanted():
    lead = LeadFactory(contacts=[("email", "ann@example.com")])
    rows = [
        {"lead_id": lead.pk, "kind": "email", "value": f"{name}@example.com", "created_at": NOON}
        for name in ("ann", "bob")
    ]

    write(insert(Identity, rows, ignore_conflicts=True))

    assert sorted(Identity.objects.values_list("value", flat=True)) == ["ann@example.com", "bob@example.com"]


def test_only_new_rows_are_returned():
    api_key = key_of(SourceFactory())
    rows = [
        {"api_key_id": api_key.pk, "key": key, "digest": "x", "status": 201, "answer": "", "expires_at": NOON}
        for key in "ab"
    ]
    write(insert(IdempotencyKey, rows[:1]))

    returned = insert_new(IdempotencyKey, rows, returning=("key", "id"))

    assert returned == [("b", IdempotencyKey.objects.get(key="b").pk)]


def test_value_that_is_too_long_is_refused_and_not_cut():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite keeps texts of any length")
    with pytest.raises(Exception, match="too long"), transaction.atomic():
        write(insert(Lead, [row_of(Lead(name="x" * 201, created_at=NOON, updated_at=NOON))]))


def test_unknown_value_is_refused():
    with pytest.raises(TypeError):
        write(update(Source, [{"id": 1, "name": object()}]))


def test_lead_that_is_not_there_is_refused_at_the_commit():
    orphan = {"lead_id": uuid4(), "kind": "email", "value": "ann@example.com", "created_at": NOON}

    with pytest.raises(IntegrityError), transaction.atomic():
        write(insert(Identity, [orphan]))
        connection.check_constraints()

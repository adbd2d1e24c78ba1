"""Who is told what: a key learns nothing that was told to another, and a public key overwrites nothing."""

import pytest

from crm.api import authentication
from crm.keys import create_key, rotate_key
from crm.models import Scope
from leads.models import Identity, Inquiry, Lead, LeadDetail, PossibleDuplicate

from .conftest import Api, problem, source_with
from .intake import key_of, send, statements

SECRETS = {
    "email": "victim@example.com",
    "phone": "+79990000001",
    "name": "Vera Secret",
    "message": "My contract number is 4711.",
    "extra": {"page": "/private"},
    "external_id": "tg-4711",
}
GUESS = {"email": "victim@example.com", "message": "My contract number is 4711."}
#: What every receipt has of its own, whatever was sent.
OWN_FIELDS = ("id", "created_at")


@pytest.fixture
def other_page(site):
    """Another public key of the same source."""
    return Api(create_key(site, name="other page", scope=Scope.INTAKE)[1])


def without_own_fields(answer):
    return {name: value for name, value in answer.json().items() if name not in OWN_FIELDS}


@pytest.mark.parametrize("known", ["nobody", "the lead", "the very text", "the text through another source"])
def test_intake_key_cannot_tell_a_known_lead_from_a_stranger(intake, full, outsider, known):
    if known == "the lead":
        full.post(SECRETS | {"message": "Something else."})
    elif known == "the very text":
        full.post(SECRETS)
    elif known == "the text through another source":
        outsider.post(SECRETS)

    answer = intake.post(GUESS)

    assert answer.status_code == 201
    assert "Duplicate-Inquiry" not in answer
    assert without_own_fields(answer) == {
        "status": None,
        "waiting_reason": None,
        "source": "site",
        "lead": {"id": None, "name": "", "email": "victim@example.com", "phone": ""},
        "operator": None,
        "message": "My contract number is 4711.",
        "extra": {},
        "resolved_at": None,
        "insight": None,
    }


def test_intake_key_is_told_the_same_in_a_batch(intake, full):
    full.post(SECRETS)

    first, again = intake.post({"items": [GUESS, GUESS]}, path="/api/v1/inquiries/batch").json()["results"]

    assert (first["status"], again["status"]) == (201, 201)
    assert first["inquiry"]["id"] != again["inquiry"]["id"]
    assert first["inquiry"]["lead"] == again["inquiry"]["lead"]
    assert Inquiry.objects.get().repeat_count == 2


@pytest.mark.parametrize("is_sticky", [False, True])
def test_intake_key_is_answered_with_as_many_reads_for_strangers_known_leads_and_repeated_texts(site, is_sticky):
    type(site).objects.update(is_sticky=is_sticky)
    send(site, email="known@example.com", message="Before.", is_public=True)
    reads = []

    for email, message in (
        ("stranger@example.com", "Now."),
        ("known@example.com", "Now."),
        ("known@example.com", "Now."),
    ):
        with statements() as sent:
            send(site, email=email, name="", message=message, is_public=True)
        reads.append(len([sql for sql in sent if sql.startswith("SELECT")]))

    stranger, known, repeated = reads
    # The inquiry that is repeated has to be fetched.
    assert (known, repeated) == (stranger, stranger + 1)


def test_intake_key_cannot_read(intake, full):
    sent = full.post(SECRETS).json()

    for path in (f"inquiries/{sent['id']}", f"inquiries/{sent['id']}/insight", f"leads/{sent['lead']['id']}"):
        assert problem(intake.get(f"/api/v1/{path}")) == "forbidden"


def test_source_is_shown_only_what_it_was_told(full, outsider):
    told = full.post(SECRETS).json()

    answer = outsider.post({"email": "victim@example.com", "message": "From the bot."}).json()
    page = outsider.get(f"/api/v1/leads/{answer['lead']['id']}").json()

    assert answer["lead"] == {"id": told["lead"]["id"], "name": "", "email": "victim@example.com", "phone": ""}
    assert page["contacts"] == [{"kind": "email", "value": "victim@example.com"}]
    assert (page["name"], page["phone"]) == ("", "")
    assert page["created_at"] == answer["created_at"]
    assert [inquiry["id"] for inquiry in page["inquiries"]] == [answer["id"]]


def test_source_is_shown_what_it_told_later_itself(full, outsider):
    full.post(SECRETS)
    outsider.post({"email": "victim@example.com", "message": "From the bot."})

    answer = outsider.post({"email": "victim@example.com", "name": "V.", "phone": "+79990000002", "message": "More."})

    assert answer.json()["lead"]["name"] == "V."
    assert answer.json()["lead"]["phone"] == "+79990000002"
    assert full.get(f"/api/v1/leads/{answer.json()['lead']['id']}").json()["phone"] == "+79990000001"


def test_lead_of_another_source_is_not_found(full, outsider):
    told = full.post(SECRETS).json()

    for path in (f"leads/{told['lead']['id']}", f"leads/{told['lead']['id']}/insight", f"inquiries/{told['id']}"):
        assert problem(outsider.get(f"/api/v1/{path}")) == "not-found"


def test_public_key_claims_and_does_not_overwrite(full, intake, site):
    full.post({"email": "victim@example.com", "message": "Hello."})

    intake.post(SECRETS | {"message": "I am Vera, call me there."})

    lead = Lead.objects.get()
    assert (lead.name, lead.email, lead.phone) == ("", "victim@example.com", "")
    claims = LeadDetail.objects.filter(lead=lead, is_confirmed=False)
    assert {(claim.kind, claim.value, claim.source) for claim in claims} == {
        ("name", "Vera Secret", site),
        ("phone", "+79990000001", site),
        ("external", f"{site.pk}:tg-4711", site),
    }
    assert set(Identity.objects.filter(is_confirmed=False).values_list("kind", flat=True)) == {"phone", "external"}


def test_claim_is_confirmed_when_a_trusted_key_says_the_same(full, intake):
    full.post({"email": "victim@example.com", "message": "Hello."})
    intake.post(SECRETS)

    full.post({"email": "victim@example.com", "phone": "+79990000001", "message": "My new phone."})

    assert Lead.objects.get().phone == "+79990000001"
    assert Identity.objects.get(kind="phone").is_confirmed
    assert LeadDetail.objects.get(kind="phone").is_confirmed
    assert not LeadDetail.objects.get(kind="name").is_confirmed


def test_claimed_contact_alone_proves_nothing(full, intake):
    full.post({"email": "victim@example.com", "message": "Hello."})
    intake.post({"email": "victim@example.com", "phone": "+79990000666", "message": "That is my phone."})

    full.post({"phone": "+79990000666", "name": "Mallory", "message": "It is me."})

    lead = Lead.objects.get()
    assert (lead.name, lead.phone) == ("", "")
    assert not Identity.objects.get(kind="phone").is_confirmed


def test_confirmed_contact_decides_before_a_stronger_claim(full, intake):
    victim = full.post({"email": "victim@example.com", "message": "Hello."}).json()["lead"]["id"]
    other = full.post({"email": "other@example.com", "message": "Hello."}).json()["lead"]["id"]
    intake.post({"email": "victim@example.com", "phone": "+79990000666", "message": "That is my phone."})

    answer = full.post({"email": "other@example.com", "phone": "+79990000666", "message": "No, mine."}).json()

    assert answer["lead"]["id"] == other
    assert PossibleDuplicate.objects.filter(lead__in=[victim, other], other__in=[victim, other]).exists()


def test_first_contact_through_a_public_key_is_the_lead_that_it_says(intake):
    intake.post(SECRETS)

    lead = Lead.objects.get()
    assert (lead.name, lead.email, lead.phone) == ("Vera Secret", "victim@example.com", "+79990000001")
    assert not LeadDetail.objects.filter(is_confirmed=False).exists()


def test_public_key_cannot_use_up_or_replay_a_servers_idempotency_key(full, intake, other_page):
    by_public = intake.post(GUESS, idempotency_key="order-17")
    by_server = full.post(SECRETS, idempotency_key="order-17")
    by_other = other_page.post(SECRETS, idempotency_key="order-17")

    assert [answer.status_code for answer in (by_public, by_server, by_other)] == [201, 201, 201]
    assert full.post(SECRETS, idempotency_key="order-17").content == by_server.content
    assert intake.post(GUESS, idempotency_key="order-17").content == by_public.content
    assert "Idempotent-Replayed" not in by_other


def test_rotated_key_still_repeats_what_it_sent(site):
    api_key, before = create_key(site, name="server", scope=Scope.FULL)
    first = Api(before).post(SECRETS, idempotency_key="order-17")

    after = rotate_key(api_key)
    authentication._known_keys.clear()

    assert Api(after).post(SECRETS, idempotency_key="order-17").content == first.content
    assert problem(Api(before).post(SECRETS)) == "unauthenticated"


def test_same_idempotency_key_of_two_api_keys_in_one_group_is_two(site):
    other = source_with("bot")
    sent = [send(site, key="order-1"), send(site, key="order-1", api_key=key_of(other), message="Another.")]

    assert [receipt.is_replay for receipt in sent] == [False, False]
    assert Inquiry.objects.count() == 2

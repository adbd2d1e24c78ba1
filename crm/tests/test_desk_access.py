"""Who sees what at the desk; and API keys, shown once and revoked for ever."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.utils import timezone

from crm.keys import create_key
from crm.models import ApiKey
from leads.models import PossibleDuplicate
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Job

from .conftest import Api
from .desk import assigned, corrected, read, said, staff

pytestmark = pytest.mark.django_db

LIST = "/admin/crm/apikey/"


@pytest.fixture
def source():
    return SourceFactory()


def add_key(client, source):
    response = client.post(f"{LIST}add/", {"source": source.pk, "name": "landing page", "scope": "full"})
    return response, response.context["key"]


def test_a_new_key_works(admin_client, source):
    _, key = add_key(admin_client, source)

    response = Api(key).post({"email": "ann@example.com"})

    assert response.status_code == 201


def test_a_new_key_is_shown_once_and_kept_nowhere(admin_client, source):
    response, key = add_key(admin_client, source)

    assert key in response.content.decode()
    assert response["Cache-Control"] == "no-store" or "no-store" in response["Cache-Control"]
    assert key not in str(response.cookies)
    page = f"{LIST}{ApiKey.objects.get().pk}/change/"
    for url in (LIST, page):
        shown = admin_client.get(url).content.decode()
        assert key not in shown
        assert ApiKey.objects.get().key_hash not in shown


def test_only_the_name_of_a_key_can_be_edited(admin_client, source):
    api_key, _ = create_key(source, name="page")
    forged = {"name": "landing", "scope": "full", "source": SourceFactory().pk, "key_hash": "0" * 64}

    admin_client.post(f"{LIST}{api_key.pk}/change/", forged)

    was = api_key.key_hash
    api_key.refresh_from_db()
    assert (api_key.name, api_key.scope, api_key.source, api_key.key_hash) == ("landing", "intake", source, was)


def test_a_revoked_key_is_refused(admin_client, source):
    api_key, key = create_key(source, name="page")

    response = admin_client.post(
        LIST, {"action": "revoke", "_selected_action": [api_key.pk], "index": "0"}, follow=True
    )

    assert said(response) == ["1 key revoked."]
    assert Api(key).post({"email": "ann@example.com"}).status_code == 401


def test_a_key_is_revoked_on_its_page_after_a_question(admin_client, source):
    api_key, _ = create_key(source, name="page")
    url = f"{LIST}{api_key.pk}/revoke_this/"

    admin_client.get(url)
    api_key.refresh_from_db()
    assert api_key.revoked_at is None

    response = admin_client.post(url, {"_form_submitted": "True"}, follow=True)
    assert said(response) == ["1 key revoked."]
    assert admin_client.post(f"{LIST}nonsense/revoke_this/", {"_form_submitted": "True"}).status_code == 302


def test_who_may_only_look_revokes_nothing(client, source):
    api_key, _ = create_key(source, name="page")
    client.force_login(staff("crm.view_apikey"))

    client.post(LIST, {"action": "revoke", "_selected_action": [api_key.pk], "index": "0"})

    api_key.refresh_from_db()
    assert api_key.revoked_at is None


def test_keys_are_revoked_not_deleted(admin_client, source):
    api_key, _ = create_key(source, name="page")

    assert admin_client.post(f"{LIST}{api_key.pk}/delete/", {"post": "yes"}).status_code == 403


#: Who a lead is. Shown to those who may view or change leads.
PERSON = ["Zoe Planted", "zoe@planted.example", "9995551234"]
#: What a lead wrote. Shown to those who may view or change inquiries.
TEXT = ["Planted words about a price"]

SEES_LEADS = {"leads.view_lead", "leads.change_lead"}
SEES_TEXTS = {"leads.view_inquiry", "leads.change_inquiry"}


@pytest.fixture
def planted(source):
    """One of everything that the desk shows, with words of a lead to find again."""
    operator = OperatorFactory(name="Anna")
    contacts = [("email", "zoe@planted.example"), ("phone", "+79995551234")]
    lead = LeadFactory(
        name="Zoe Planted", email="zoe@planted.example", phone="+79995551234", search="zoe planted", contacts=contacts
    )
    other = LeadFactory(name="Zoe Planted", email="zoe@planted.example")
    first, second = sorted([lead, other], key=lambda lead: lead.pk)
    PossibleDuplicate.objects.create(lead=first, other=second)
    inquiry = InquiryFactory(lead=lead, source=source, operator=operator, message=TEXT[0])
    # Without a record: the routing check has something to say.
    InquiryFactory(lead=other, source=source, operator=operator, message=TEXT[0])
    InquiryFactory(lead=lead, source=source, message=TEXT[0])
    assigned(inquiry)
    corrected(read(inquiry))
    Job.objects.update(done_at=None, failed_at=timezone.now(), failure="TimeoutError")
    create_key(source, name="page")
    Group.objects.create(name="clerks")
    return inquiry


def pages():
    """Every address of the desk, by its own list of them: a new one is looked at too."""
    return sorted({page for pattern in admin.site.urls[0] for page in _addresses(pattern, "/admin/")})


def _addresses(pattern, start):
    route = start + str(pattern.pattern).removeprefix("^")
    if hasattr(pattern, "url_patterns"):
        return [page for inner in pattern.url_patterns for page in _addresses(inner, route)]
    if "(?P<" in route:
        return [f"/admin/{label}/" for label in ("auth", "crm", "leads", "routing", "triage")]
    known = re.match(r"/admin/([a-z]+)/([a-z]+)/", route)
    model = known and ContentType.objects.filter(app_label=known[1], model=known[2]).first()
    # The last: the first of the users is the one who looks.
    row = model.model_class()._base_manager.order_by("pk").last() if model else None
    return [re.sub(r"<[^>]+>", str(row.pk) if row else "1", route)]


AUTOCOMPLETES = [
    f"/admin/autocomplete/?app_label={app}&model_name={model}&field_name={field}&term={term}"
    for app, model, field in [
        ("leads", "inquiry", "lead"),
        ("leads", "assignment", "inquiry"),
        ("triage", "insight", "inquiry"),
        ("routing", "operator", "user"),
    ]
    for term in ("", "zoe")
]
SEARCHES = ["/admin/search/?s=zoe&extended=1", "/admin/leads/inquiry/?q=zoe", "/admin/leads/inquiry/?show=waiting"]


def leaks(client, user, granted, *, urls):
    """The pages on which somebody with these permissions reads what they may not, with the words they read."""
    names = {f"{permission.content_type.app_label}.{permission.codename}" for permission in granted}
    forbidden = [] if names & SEES_LEADS else PERSON
    forbidden = forbidden if names & SEES_TEXTS else forbidden + TEXT
    user.user_permissions.set(granted)
    shown = {url: client.get(url).content.decode() for url in urls}
    return [(sorted(names)[:3], url, word) for url, page in shown.items() for word in forbidden if word in page]


@pytest.fixture
def clerk(client, planted):
    """Staff, whose permissions a test sets; somebody else has edited a lead."""
    user = staff()
    editor = User.objects.create_user("editor")
    LogEntry.objects.log_actions(editor.pk, [planted.lead], CHANGE, change_message="x", single_object=True)
    client.force_login(user)
    return user


def permissions():
    return Permission.objects.select_related("content_type").order_by("content_type__app_label", "codename")


def test_no_single_permission_shows_more_than_its_own(client, clerk):
    """On its own model's pages, where it opens anything. That all others stay shut, the next test shows for all."""
    models = [ContentType.objects.get_for_model(model) for model in admin.site._registry]
    granted = permissions().filter(Q(codename__startswith="view_") | Q(codename__startswith="change_"))
    urls = pages()

    found = []
    for one in granted.filter(content_type__in=models):
        own = [url for url in urls if url.startswith(f"/admin/{one.content_type.app_label}/{one.content_type.model}/")]
        found += leaks(client, clerk, [one], urls=["/admin/", *own])
    assert found == []


@pytest.mark.parametrize("lacking", [SEES_LEADS, SEES_TEXTS])
def test_all_other_permissions_together_do_not_replace_the_one_for_leads_or_texts(client, clerk, lacking):
    granted = [one for one in permissions() if f"{one.content_type.app_label}.{one.codename}" not in lacking]

    assert leaks(client, clerk, granted, urls=[*pages(), *AUTOCOMPLETES, *SEARCHES]) == []


def test_planted_words_are_on_the_pages_that_show_them(admin_client, planted):
    """Else the tests above would find nothing for the wrong reason."""
    expected = {
        "leads/inquiry/": [PERSON[0], TEXT[0]],
        "leads/lead/": PERSON,
        "leads/assignment/": [PERSON[0]],
        "leads/assignment/check/": [PERSON[0]],
        "leads/possibleduplicate/": [PERSON[0], PERSON[1]],
        "triage/insight/": [PERSON[0]],
        "triage/job/": [PERSON[0]],
        "triage/correction/": [TEXT[0]],
    }

    assert {f"/admin/{url}" for url in expected} <= set(pages())
    for url, words in expected.items():
        shown = admin_client.get(f"/admin/{url}").content.decode()
        assert [word for word in words if word not in shown] == []


def test_inquiry_without_the_right_to_see_leads_is_worked_on_by_its_number(client, planted):
    client.force_login(staff("leads.view_inquiry", "leads.change_inquiry"))
    url = f"/admin/leads/inquiry/{planted.pk}/change/"

    page = client.get(url).content.decode()
    assert f"Lead {planted.lead_id.hex[-6:]}" in page
    assert TEXT[0] in page

    history = {"assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0}
    assert client.post(url, {"priority": "P0", **history}).status_code == 302
    planted.refresh_from_db()
    assert (planted.priority, planted.lead.name) == ("P0", "Zoe Planted")


def test_nobody_finds_out_by_searching_what_they_may_not_see(client, planted):
    client.force_login(staff("leads.view_inquiry"))

    found = client.get("/admin/leads/inquiry/?q=zoe").context["cl"]
    assert (found.result_count, bool(found.search_fields)) == (0, False)
    assert client.get(f"/admin/leads/inquiry/?q={planted.pk}").context["cl"].result_count == 1


def test_pages_of_an_inquiry_open_with_the_right_to_see_inquiries(client, clerk, planted):
    own = Q(codename__in=["view_insight", "view_job", "view_assignment", "view_correction"])
    lists = ["triage/insight", "triage/job", "leads/assignment", "triage/correction"]

    clerk.user_permissions.set(permissions().filter(own))
    assert [client.get(f"/admin/{name}/").status_code for name in lists] == [403] * 4
    assert "/admin/triage/job/" not in client.get("/admin/").content.decode()

    clerk.user_permissions.set(permissions().filter(own | Q(codename="view_inquiry")))
    assert [client.get(f"/admin/{name}/").status_code for name in lists] == [200] * 4
    assert "/admin/triage/job/" in client.get("/admin/").content.decode()

"""What a supervisor can do with inquiries at the desk."""

import pytest
from django.urls import reverse

from leads.models import Assignment, Inquiry
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.tests.factories import OperatorFactory, SourceFactory

from .desk import assigned, read, said, staff

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/inquiry/"


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=1)


@pytest.fixture
def boris():
    return OperatorFactory(name="Boris", max_load=1)


@pytest.fixture
def site(anna, boris):
    return SourceFactory(weights={anna: 1, boris: 1})


@pytest.fixture
def held(site, anna):
    return InquiryFactory(source=site, operator=anna, message="Need urgent pricing for 50 seats")


def page(inquiry, action="change"):
    return f"{LIST}{inquiry.pk}/{action}/"


def act(client, inquiry, action, **fields):
    return client.post(page(inquiry, action), {"_form_submitted": "True", **fields}, follow=True)


def bulk(client, action, *inquiries):
    chosen = [str(inquiry.pk) for inquiry in inquiries]
    return client.post(LIST, {"action": action, "_selected_action": chosen, "index": "0"}, follow=True)


def test_resolving_gives_the_slot_to_the_one_that_waits(admin_client, site, held, boris):
    InquiryFactory(source=site, operator=boris)
    waiting = InquiryFactory(source=site)

    response = act(admin_client, held, "resolve")

    assert said(response) == ["1 inquiry resolved."]
    held.refresh_from_db()
    waiting.refresh_from_db()
    assert held.resolved_at
    assert waiting.operator == held.operator


def test_resolving_many_reports_in_numbers(admin_client, held):
    others = [InquiryFactory(), InquiryFactory(), InquiryFactory(resolved_at="2026-11-20T12:00Z")]

    response = bulk(admin_client, "resolve_selected", held, *others)

    assert said(response) == ["3 inquiries resolved.", "1 already was resolved."]


def test_the_page_says_who_resolved_it(admin_client, admin_user, held):
    other = InquiryFactory()

    act(admin_client, held, "resolve")
    bulk(admin_client, "resolve_selected", other)

    for inquiry in (held, other):
        inquiry.refresh_from_db()
        assert inquiry.resolved_by == admin_user
        assert "Resolved by admin on " in admin_client.get(page(inquiry)).content.decode()


def test_what_was_resolved_through_the_api_names_nobody(admin_client):
    resolved = InquiryFactory(resolved_at="2026-11-20T12:00Z")

    assert "Resolved on " in admin_client.get(page(resolved)).content.decode()


def test_looking_at_the_dialog_changes_nothing(admin_client, held):
    for action in ("resolve", "reroute", "give", "reopen"):
        assert admin_client.get(page(held, action)).status_code == 200

    held.refresh_from_db()
    assert held.resolved_at is None
    assert not Assignment.objects.exists()


def test_rerouting_gives_it_to_somebody_else(admin_client, held, boris):
    response = bulk(admin_client, "reroute_selected", held)

    assert said(response) == ["1 inquiry re-routed."]
    assert Inquiry.objects.get().operator == boris


def test_rerouting_with_nobody_else_leaves_it_where_it_is(admin_client, held, boris, anna):
    boris.is_active = False
    boris.save()

    response = act(admin_client, held, "reroute")

    assert said(response) == ["1 stays where it is: nobody else could take it."]
    assert Inquiry.objects.get().operator == anna


def test_giving_it_to_an_operator_records_who_did(admin_client, admin_user, held, boris):
    response = act(admin_client, held, "give", operator=boris.pk)

    assert said(response) == ["1 inquiry handed over."]
    assert Inquiry.objects.get().operator == boris
    assert Assignment.objects.get().assigned_by == admin_user


def test_a_full_operator_is_given_nothing_without_a_reason(admin_client, held, boris):
    InquiryFactory(operator=boris)

    response = act(admin_client, held, "give", operator=boris.pk)

    assert "This operator is full" in response.content.decode()
    assert not Assignment.objects.exists()


def test_a_full_operator_is_given_more_for_a_reason_that_is_kept(admin_client, held, boris):
    InquiryFactory(operator=boris)

    act(admin_client, held, "give", operator=boris.pk, override="Knows the client")

    assert Assignment.objects.get().note == "Knows the client"
    assert "Knows the client" in admin_client.get(page(held)).content.decode()


def test_a_resolved_inquiry_can_be_reopened_and_nothing_else(admin_client, held):
    act(admin_client, held, "resolve")

    shown = admin_client.get(page(held)).context["actions_detail"]
    response = act(admin_client, held, "reopen")

    assert [action["title"] for action in shown] == ["Reopen"]
    assert said(response) == ["1 inquiry reopened."]
    assert Inquiry.objects.get().resolved_at is None


def test_an_inquiry_that_is_gone_is_no_error(admin_client, held):
    Inquiry.objects.all().delete()

    for action in ("resolve", "reroute", "reopen"):
        response = admin_client.post(page(held, action), {"_form_submitted": "True"})
        assert response.status_code == 302


def test_after_a_dialog_the_browser_goes_back_to_where_it_was_opened(admin_client, held):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/leads/inquiry/?show=open"}

    response = admin_client.post(page(held, "resolve"), {"_form_submitted": "True"}, headers=headers)

    assert response["HX-Redirect"] == "http://testserver/admin/leads/inquiry/?show=open"


def test_after_a_dialog_no_other_site_is_gone_to(admin_client, held):
    headers = {"HX-Request": "true", "HX-Current-URL": "https://elsewhere.example/"}

    response = admin_client.post(page(held, "resolve"), {"_form_submitted": "True"}, headers=headers)

    assert response["HX-Redirect"] == page(held)


def test_who_may_only_look_can_do_nothing(client, held):
    client.force_login(staff("leads.view_inquiry"))

    for action in ("resolve", "reroute", "give", "reopen"):
        assert client.post(page(held, action), {"_form_submitted": "True"}).status_code == 403
    bulk(client, "resolve_selected", held)

    assert Inquiry.objects.get().resolved_at is None
    assert client.get(page(held)).context["actions_detail"] == []


def test_the_page_says_why_in_a_sentence_and_marks_the_words_that_told(admin_client, held):
    assigned(held)
    read(held)

    shown = admin_client.get(page(held)).content.decode()

    assert "Anna: the only one who could take it." in shown
    assert '<mark class="desk-mark" title="buy">urgent pricing</mark>' in shown


def test_a_waiting_inquiry_says_how_many_are_ahead_of_it(admin_client, site):
    InquiryFactory(source=site, priority="P0")
    mine = InquiryFactory(source=site, priority="P3")

    assert "1 inquiry of this source is ahead of it." in admin_client.get(page(mine)).content.decode()


def test_no_place_is_told_to_one_that_is_not_assignable(admin_client, site):
    InquiryFactory(source=site, priority="P0")
    held_back = InquiryFactory(source=site, waiting_reason="held_as_spam")
    of_a_source_switched_off = InquiryFactory(source=SourceFactory(is_active=False))

    for inquiry in (held_back, of_a_source_switched_off):
        shown = admin_client.get(page(inquiry))
        assert "ahead of it" not in shown.content.decode()
        assert str(inquiry.get_waiting_reason_display()).capitalize() in shown.content.decode()


def test_it_says_how_often_it_was_taken_back(admin_client, held):
    assert "It was taken back" not in admin_client.get(page(held)).content.decode()

    Inquiry.objects.update(bounce_count=2)

    assert "It was taken back 2 times because nobody accepted it." in admin_client.get(page(held)).content.decode()


def test_where_a_reading_can_be_corrected_its_priority_is_set_there_alone(admin_client, held):
    assert 'name="priority"' in admin_client.get(page(held)).content.decode()
    read(held)

    shown = admin_client.get(page(held)).content.decode()
    admin_client.post(page(held), {"priority": "P3", "assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0})

    assert '<select name="priority"' not in shown
    assert 'name="_save"' not in shown
    held.refresh_from_db()
    assert held.priority == "P2"


def test_who_may_not_correct_readings_still_sets_the_priority(client, held):
    read(held)
    client.force_login(staff("leads.view_inquiry", "leads.change_inquiry"))

    assert '<select name="priority"' in client.get(page(held)).content.decode()


def test_the_priority_is_the_one_thing_to_edit(admin_client, held, boris):
    history = {"assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0}
    Inquiry.objects.update(operator=boris)

    admin_client.post(page(held), {"priority": "P0", "message": "forged", "operator": "", **history})

    held.refresh_from_db()
    assert held.priority == "P0"
    assert held.operator == boris
    assert held.message == "Need urgent pricing for 50 seats"


def test_the_tabs_show_what_they_say(admin_client, held):
    waiting = InquiryFactory(priority="P0")
    resolved = InquiryFactory(resolved_at="2026-11-20T12:00Z")
    expected = {
        "": {held, waiting, resolved},
        "?show=waiting": {waiting},
        "?show=open": {held, waiting},
        "?show=urgent": {waiting},
        "?show=resolved": {resolved},
    }

    for query, inquiries in expected.items():
        assert set(admin_client.get(LIST + query).context["cl"].result_list) == inquiries


def test_an_inquiry_is_found_by_its_lead_and_by_its_number(admin_client, held):
    found = InquiryFactory(lead=LeadFactory(name="Пётр Кузнецов", search="петр кузнецов 79991234567"))

    for words in ("кузнецов", "Пётр", "ПЕТР", "+7 (999) 123-45-67", "89991234567", str(found.pk)):
        assert list(admin_client.get(LIST, {"q": words}).context["cl"].result_list) == [found], words


def test_a_filter_by_intent_finds_what_was_read_so(admin_client, held):
    read(held, intent="spam")
    InquiryFactory()

    assert list(admin_client.get(LIST + "?intent=spam").context["cl"].result_list) == [held]


def test_inquiries_are_neither_made_nor_deleted_by_hand(admin_client, held):
    assert admin_client.get(reverse("admin:leads_inquiry_add")).status_code == 403
    assert admin_client.post(page(held, "delete"), {"post": "yes"}).status_code == 403

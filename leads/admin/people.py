"""Leads with their contacts, and the pairs that may be one person."""

from django.contrib import admin, messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from leads.identity import search_text
from leads.models import Identity, Inquiry, Lead, LeadDetail, PossibleDuplicate, Status
from leads.privacy import VIEW_LEAD, Private
from leads.services import confirm_claims
from routing.theme import DropdownFilter, ModelAdmin, WindowInline, action, back_to, display, short_time, tag

from .search import as_uuid, lead_matches


class ConfirmableInline(WindowInline):
    @display(description=_("state"))
    def state(self, row):
        return "—" if row.is_confirmed else tag(_("Not confirmed"), "warn")

    @display(description=_("created"))
    def created(self, row):
        return short_time(row.created_at)


class IdentityInline(ConfirmableInline):
    model = Identity
    fields = readonly_fields = ["kind", "value", "state", "created"]


class DetailInline(ConfirmableInline):
    model = LeadDetail
    verbose_name_plural = _("What each source was told")
    fields = readonly_fields = ["kind", "told", "source", "state", "created"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("source")

    @admin.display(description=_("value"))
    def told(self, detail):
        return detail.value_as_sent


class InquiryInline(WindowInline):
    model = Inquiry
    fields = readonly_fields = ["written", "state", "source", "operator", "urgency", "created"]
    show_change_link = True
    per_page = 20

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("source", "operator", "lead")

    @admin.display(description=_("message"))
    def written(self, inquiry):
        return Truncator(inquiry.message).chars(80) or "—"

    @display(description=_("status"))
    def state(self, inquiry):
        return tag(Status(inquiry.status).label, inquiry.status)

    @display(description=_("priority"))
    def urgency(self, inquiry):
        return tag(inquiry.priority, inquiry.priority)

    @display(description=_("created"))
    def created(self, inquiry):
        return short_time(inquiry.created_at)


@admin.register(Lead)
class LeadAdmin(ModelAdmin):
    list_display = ["who", "email", "phone", "created"]
    search_fields = ["search"]
    search_help_text = _("Name, e-mail or phone")

    fields = ["name", "email", "phone", "created_at"]
    readonly_fields = ["email", "phone", "created_at"]
    inlines = [IdentityInline, DetailInline, InquiryInline]
    actions_detail = ["confirm_claims"]

    def get_search_results(self, request, queryset, search_term):
        return (queryset.filter(lead_matches(search_term)) if search_term else queryset), False

    def save_model(self, request, obj, form, change):
        obj.search = search_text(name=obj.name, email=obj.email, phone=obj.phone)
        obj.save(update_fields=["name", "search", "updated_at"])

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        # It would take their inquiries along, and with them the slots that operators hold.
        return False

    def get_actions_detail(self, request, object_id):
        """Nothing to confirm, no button."""
        is_claimed = LeadDetail.objects.filter(lead=as_uuid(object_id), is_confirmed=False).exists()
        return super().get_actions_detail(request, object_id) if is_claimed else []

    @action(
        description=_("Confirm what was claimed"),
        permissions=["change"],
        icon="verified_user",
        dialog={
            "title": _("Confirm what was claimed?"),
            "description": _(
                "Anybody could have sent it with a key that stands in a web page. Confirm it if you have made sure, "
                "by a call for example: what the lead has not told before becomes its name, phone or e-mail."
            ),
            "form_submit_text": _("Confirm"),
        },
    )
    def confirm_claims(self, request, form, object_id):
        if found := self.get_object(request, object_id):
            count = confirm_claims(found.pk)
            words = ngettext("%(count)d detail was confirmed.", "%(count)d details were confirmed.", count)
            self.message_user(request, words % {"count": count})
        return back_to(request, reverse("admin:leads_lead_changelist"))

    @display(description=_("lead"), ordering="name")
    def who(self, lead):
        return str(lead)

    @display(description=_("created"), ordering="id")
    def created(self, row):
        return short_time(row.created_at)


class SeenFilter(DropdownFilter):
    title = _("seen")
    parameter_name = "seen"

    def lookups(self, request, model_admin):
        return [("open", _("To look at")), ("dismissed", _("Dismissed"))]

    def queryset(self, request, queryset):
        if self.value() in ("open", "dismissed"):
            return queryset.filter(dismissed_at__isnull=self.value() == "open")
        return queryset


@admin.register(PossibleDuplicate)
class PossibleDuplicateAdmin(Private, ModelAdmin):
    needs = (VIEW_LEAD,)

    list_display = ["pair", "first_lead", "second_lead", "seen", "dismissed"]
    list_display_links = None
    list_filter = [SeenFilter]
    list_select_related = ["lead", "other"]

    fields = readonly_fields = ["pair", "first_lead", "second_lead", "seen", "dismissed"]
    actions = ["dismiss"]

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description=_("why"))
    def pair(self, duplicate):
        return _("Contacts of both came in one inquiry")

    @display(description=_("lead"))
    def first_lead(self, duplicate):
        return lead_link(duplicate.lead)

    @display(description=_("other lead"))
    def second_lead(self, duplicate):
        return lead_link(duplicate.other)

    @display(description=_("seen"), ordering="created_at")
    def seen(self, duplicate):
        return short_time(duplicate.created_at)

    @display(description=_("dismissed"), ordering="dismissed_at")
    def dismissed(self, duplicate):
        return short_time(duplicate.dismissed_at)

    @action(description=_("Dismiss: they are two people"), permissions=["change"], icon="person_cancel")
    def dismiss(self, request, queryset):
        count = queryset.filter(dismissed_at=None).update(dismissed_at=timezone.now())
        said = ngettext("%(count)d pair dismissed.", "%(count)d pairs dismissed.", count) % {"count": count}
        self.message_user(request, said, messages.SUCCESS)


def lead_link(lead):
    """The lead by name, with the contacts that tell namesakes apart."""
    contacts = " · ".join(filter(None, (lead.email, lead.phone)))
    return format_html(
        '<a class="desk-link" href="{}">{}</a> <span class="desk-quiet">{}</span>',
        reverse("admin:leads_lead_change", args=[lead.pk]),
        lead,
        contacts,
    )

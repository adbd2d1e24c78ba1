"""Inquiries as the supervisor reads them. What can be done with them is in steering.py."""

from math import ceil

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.queries import IS_WAITING
from leads.admin.assignments import AssignmentInline
from leads.admin.search import as_uuid, lead_matches
from leads.explain import candidate_table, sentence
from leads.models import ON_HOLD, Assignment, DetailKind, Inquiry, Priority, Status, WaitingReason
from leads.privacy import VIEW_LEAD, AboutInquiry, is_hidden
from leads.queries import ahead_of
from routing.theme import (
    ChoicesDropdownFilter,
    DropdownFilter,
    ModelAdmin,
    RelatedDropdownFilter,
    TemplateSection,
    display,
    short_time,
    tag,
)
from triage.admin import confidence_words, marked
from triage.admin_corrections import judging
from triage.models import Insight, Intent

from .steering import SteeringAdmin

#: The newest one of each is what the desk shows; one query for all rows of a page.
NEWEST = [
    Prefetch("insights", Insight.objects.order_by("-created_at", "-id")[:1], to_attr="newest_insights"),
    Prefetch(
        "assignments",
        Assignment.objects.order_by("-id").select_related("operator", "assigned_by")[:1],
        to_attr="newest_assignments",
    ),
]


class ShowFilter(DropdownFilter):
    """The tabs over the list. By the columns that have indexes, not by the computed status."""

    title = _("show")
    parameter_name = "show"
    conditions = {
        "waiting": Q(resolved_at=None) & IS_WAITING,
        "open": Q(resolved_at=None),
        "urgent": Q(resolved_at=None, priority=Priority.P0),
        "held": Q(resolved_at=None, operator=None, waiting_reason=WaitingReason.HELD_AS_SPAM),
        "resolved": Q(resolved_at__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [
            ("waiting", pgettext_lazy("inquiries", "Waiting")),
            ("open", pgettext_lazy("inquiries", "Open")),
            ("urgent", _("P0 open")),
            ("held", _("Held as spam")),
            ("resolved", pgettext_lazy("inquiries", "Resolved")),
        ]

    def queryset(self, request, queryset):
        return queryset.filter(self.conditions.get(self.value(), Q()))


class IntentFilter(DropdownFilter):
    title = _("intent")
    parameter_name = "intent"

    def lookups(self, request, model_admin):
        return Intent.choices

    def queryset(self, request, queryset):
        if self.value() not in Intent.values:
            return queryset
        return queryset.filter(Exists(Insight.objects.filter(inquiry=OuterRef("pk"), intent=self.value())))


class InquirySection(TemplateSection):
    """What a row shows when it is opened."""

    template_name = "desk/inquiry_row.html"

    def get_context_data(self, request, instance):
        return reading_of(instance)


@admin.register(Inquiry)
class InquiryAdmin(SteeringAdmin, AboutInquiry, ModelAdmin):
    needs = ()

    list_display = ["who", "source", "holder", "urgency", "state", "reading", "created"]
    list_filter = [
        ShowFilter,
        ("source", RelatedDropdownFilter),
        ("operator", RelatedDropdownFilter),
        ("priority", ChoicesDropdownFilter),
        IntentFilter,
    ]
    list_select_related = ["lead", "source", "operator"]
    list_sections = [InquirySection]
    search_fields = ["lead__search"]
    search_help_text = _("Name, e-mail or phone")

    fieldsets = [
        (None, {"fields": [("lead_link", "source"), ("state", "holder"), ("priority", "repeat_count")]}),
        (_("Times"), {"fields": [("created_at", "assigned_at"), ("accepted_at", "resolved_at"), "resolved_by"]}),
        (_("What came with it"), {"fields": ["extra_table"]}),
    ]
    readonly_fields = [
        "lead_link",
        "source",
        "holder",
        "state",
        "repeat_count",
        "created_at",
        "assigned_at",
        "accepted_at",
        "resolved_at",
        "resolved_by",
        "extra_table",
    ]
    change_form_before_template = "desk/inquiry.html"
    change_form_outer_before_template = "desk/judge_form.html"
    inlines = [AssignmentInline]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("lead", "source", "operator").prefetch_related(*NEWEST)

    def get_readonly_fields(self, request, obj=None):
        """Where the reading can be corrected, that sets the priority too: two ways to say it could disagree."""
        is_corrected_above = obj and obj.newest_insights and request.user.has_perm("triage.change_insight")
        return [*self.readonly_fields, "priority"] if is_corrected_above else self.readonly_fields

    def inquiry_of(self, row):
        return row

    def get_search_fields(self, request):
        """Nobody finds out by searching what they may not see."""
        return super().get_search_fields(request) if request.user.has_perm(VIEW_LEAD) else []

    def get_search_results(self, request, queryset, search_term):
        if not search_term:
            return queryset, False
        if number := as_uuid(search_term):
            return queryset.filter(pk=number), False
        if not request.user.has_perm(VIEW_LEAD):
            return queryset.none(), False
        return queryset.filter(lead_matches(search_term, prefix="lead__")), False

    def save_model(self, request, obj, form, change):
        """The one thing to type is the priority; who holds the inquiry may have changed since it was read."""
        if form.changed_data:
            obj.save(update_fields=form.changed_data)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        shown = {"show_save_and_continue": False, **(extra_context or {})}
        if inquiry := object_id and self.get_object(request, object_id):
            assignment = _newest(inquiry.newest_assignments)
            shown["reading"] = reading_of(inquiry)
            shown["judging"] = judging(request.user, shown["reading"]["insight"])
            # What can be corrected is not typed as well: see get_readonly_fields.
            shown["show_save"] = not shown["judging"]
            shown["candidates"] = candidate_table(assignment) if assignment else ""
            shown["resolved"] = short_time(inquiry.resolved_at)
            shown |= waiting_of(inquiry, now=timezone.now())
        return super().changeform_view(request, object_id, form_url, shown)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description=_("lead"), header=True)
    def who(self, inquiry):
        lead = inquiry.lead
        contact = next((value for value in (lead.phone, lead.email) if value != str(lead)), "")
        return [str(lead), contact]

    @display(description=_("lead"))
    def lead_link(self, inquiry):
        if is_hidden(inquiry.lead):
            return str(inquiry.lead)
        link = reverse("admin:leads_lead_change", args=[inquiry.lead_id])
        claims = inquiry.lead.details.filter(is_confirmed=False).exclude(kind=DetailKind.EXTERNAL)
        told = format_html_join("", " {} {}", ((tag(_("Not confirmed"), "warn"), claim.value) for claim in claims))
        return format_html('<a class="desk-link" href="{}">{}</a>{}', link, inquiry.lead, told)

    @display(description=_("operator"), ordering="operator__name")
    def holder(self, inquiry):
        if inquiry.operator_id:
            return str(inquiry.operator)
        if inquiry.waiting_reason:
            return format_html('<span class="desk-waits">{}</span>', inquiry.get_waiting_reason_display())
        return "—"

    @display(description=_("priority"), ordering="priority")
    def urgency(self, inquiry):
        return tag(inquiry.priority, inquiry.priority)

    @display(description=_("status"))
    def state(self, inquiry):
        return tag(Status(inquiry.status).label, inquiry.status)

    @display(description=_("intent, next action"), header=True)
    def reading(self, inquiry):
        insight = _newest(inquiry.newest_insights)
        return [insight.get_intent_display(), insight.get_next_action_display()] if insight else [_("being read"), ""]

    @display(description=_("created"), ordering="id")
    def created(self, row):
        return short_time(row.created_at)

    @display(description=_("extra fields"))
    def extra_table(self, inquiry):
        # A lead's site sends what it likes here: only an object has fields.
        fields = inquiry.extra if isinstance(inquiry.extra, dict) else {}
        return extra_list(fields)


def reading_of(inquiry) -> dict:
    """Message, insight and the reason for the operator, for the opened row and for the page."""
    insight, assignment = _newest(inquiry.newest_insights), _newest(inquiry.newest_assignments)
    return {
        "message": marked(inquiry.message, insight.evidence if insight else []),
        "insight": insight,
        "confidence": confidence_words(insight.confidence) if insight else "",
        "decided": short_time(assignment.created_at) if assignment else "",
        "why": sentence(assignment) if assignment else "",
    }


def waiting_of(inquiry, *, now) -> dict:
    """What an inquiry waits for: its turn behind others, or its operator to accept it."""
    is_assignable = inquiry.source.is_active and inquiry.waiting_reason not in ON_HOLD
    is_queued = inquiry.status == Status.WAITING and is_assignable
    accept_by = inquiry.accept_by
    return {
        "ahead_count": ahead_of(inquiry) if is_queued else None,
        "accept_minutes": ceil(max(0, (accept_by - now).total_seconds()) / 60) if accept_by else None,
    }


def extra_list(fields):
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", fields.items())
    return format_html('<dl class="desk-extra">{}</dl>', rows) if fields else "—"


def _newest(rows):
    return rows[0] if rows else None

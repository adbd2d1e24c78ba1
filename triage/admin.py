"""What was understood, and the pending work: read-only pages, with one action for what failed."""

from django.contrib import admin, messages
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from leads.privacy import AboutInquiry
from routing.theme import ChoicesDropdownFilter, DropdownFilter, Window, action, display, short_time, tag

from .admin_corrections import JudgedAdmin
from .models import Insight, Job
from .services import failure_in_words, retry


def marked(message, evidence):
    """A message with the words that gave it away marked. Everything in it is escaped."""
    pieces, end = [], 0
    for words in sorted(filter(_is_in(message), evidence or []), key=lambda words: words["start"]):
        if words["start"] < end:
            continue
        pieces.append((message[end : words["start"]], ""))
        pieces.append((_mark(words), ""))
        end = words["end"]
    pieces.append((message[end:], ""))
    return format_html_join("", "{}{}", pieces)


def _is_in(message):
    """Whether words of evidence stand in the message where they say they do."""

    def check(words):
        start, end = words.get("start"), words.get("end")
        return isinstance(start, int) and isinstance(end, int) and message[start:end] == words.get("text") != ""

    return check


def _mark(words):
    return format_html('<mark class="desk-mark" title="{}">{}</mark>', words.get("for", ""), words["text"])


def confidence_words(confidence):
    return f"{round(100 * confidence)} %"


@admin.register(Insight)
class InsightAdmin(AboutInquiry, JudgedAdmin, Window):
    list_display = ["lead", "intent_label", "priority_label", "next_action", "sure", "tag_list", "created"]
    list_filter = [
        ("intent", ChoicesDropdownFilter),
        ("priority", ChoicesDropdownFilter),
        ("next_action", ChoicesDropdownFilter),
    ]
    list_select_related = ["inquiry__lead"]

    fields = [
        "inquiry_link",
        "message",
        ("intent", "next_action"),
        ("priority", "sure"),
        "tag_list",
        "note",
        ("analyzer", "version"),
        "created_at",
        ("corrected_by", "corrected_at"),
    ]
    readonly_fields = ["inquiry_link", "message", "sure", "tag_list"]

    @display(description=_("lead"))
    def lead(self, insight):
        return str(insight.inquiry.lead)

    @display(description=_("intent"), ordering="intent")
    def intent_label(self, insight):
        return tag(insight.get_intent_display())

    @display(description=_("priority"), ordering="priority")
    def priority_label(self, insight):
        return tag(insight.priority, insight.priority)

    @display(description=_("confidence"), ordering="confidence")
    def sure(self, insight):
        return confidence_words(insight.confidence)

    @display(description=_("created"), ordering="id")
    def created(self, row):
        return short_time(row.created_at)

    @display(description=_("tags"))
    def tag_list(self, insight):
        return ", ".join(insight.tags)

    @display(description=_("inquiry"))
    def inquiry_link(self, insight):
        return link_to_inquiry(insight.inquiry)

    @display(description=_("message"))
    def message(self, insight):
        return format_html('<div class="desk-message">{}</div>', marked(insight.inquiry.message, insight.evidence))


class StateFilter(DropdownFilter):
    title = _("state")
    parameter_name = "state"
    conditions = {
        "failed": Q(failed_at__isnull=False),
        "open": Q(done_at=None, failed_at=None),
        "done": Q(done_at__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [("failed", _("Failed")), ("open", _("Queued")), ("done", _("Done"))]

    def queryset(self, request, queryset):
        return queryset.filter(self.conditions.get(self.value(), Q()))


@admin.register(Job)
class JobAdmin(AboutInquiry, Window):
    list_display = ["lead", "kind", "state", "attempt_count", "due", "done", "failure_words"]
    list_filter = [StateFilter, ("kind", ChoicesDropdownFilter)]
    list_select_related = ["inquiry__lead"]

    fields = [
        "inquiry_link",
        ("kind", "state"),
        "failure_words",
        ("is_urgent", "attempt_count", "token"),
        ("created_at", "due_at"),
        ("lease_until", "done_at"),
        "failed_at",
    ]
    readonly_fields = ["inquiry_link", "state", "failure_words"]

    actions = ["try_again"]

    def has_retry_permission(self, request, obj=None):
        """Nobody may type into a job, but who may change jobs may have them done again."""
        return request.user.has_perm("triage.change_job")

    @display(description=_("lead"))
    def lead(self, job):
        return str(job.inquiry.lead)

    @display(description=_("state"))
    def state(self, job):
        if job.done_at:
            return tag(_("Done"), "good")
        if job.failed_at:
            return tag(_("Failed"), "alarm")
        if job.lease_until:
            return tag(_("In progress"), "info")
        return tag(_("Queued"), "warn")

    @display(description=_("due"), ordering="due_at")
    def due(self, job):
        return short_time(job.due_at)

    @display(description=_("done"), ordering="done_at")
    def done(self, job):
        return short_time(job.done_at)

    @display(description=_("failure"))
    def failure_words(self, job):
        return failure_in_words(job.failure)

    @display(description=_("inquiry"))
    def inquiry_link(self, job):
        return link_to_inquiry(job.inquiry)

    @action(description=_("Try again"), permissions=["retry"], icon="refresh")
    def try_again(self, request, queryset):
        chosen = list(queryset.values_list("pk", flat=True))
        count = retry(chosen)
        said = ngettext("%(count)d job will be tried again.", "%(count)d jobs will be tried again.", count)
        self.message_user(request, said % {"count": count}, messages.SUCCESS if count else messages.WARNING)
        if others := len(chosen) - count:
            said = ngettext("%(count)d job had not failed.", "%(count)d jobs had not failed.", others)
            self.message_user(request, said % {"count": others}, messages.INFO)


def link_to_inquiry(inquiry):
    return format_html(
        '<a class="desk-link" href="{}">{}</a>', reverse("admin:leads_inquiry_change", args=[inquiry.pk]), inquiry
    )

"""The history of who was given what, and why."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from leads.explain import candidate_table, operator_name, sentence
from leads.models import Assignment
from leads.privacy import AboutInquiry
from routing.theme import ChoicesDropdownFilter, Window, WindowInline, display, short_time

from .routing_check import RoutingCheckPage


@admin.register(Assignment)
class AssignmentAdmin(AboutInquiry, RoutingCheckPage, Window):
    list_display = ["created", "inquiry", "who", "why", "trigger", "assigned_by"]
    list_filter = [("reason", ChoicesDropdownFilter), ("trigger", ChoicesDropdownFilter)]
    list_select_related = ["inquiry__lead", "operator", "assigned_by"]

    fields = ["inquiry", "who", "why", "candidates", "trigger", "assigned_by", "note", "created_at"]
    readonly_fields = ["who", "why", "candidates"]

    @display(description=_("created"), ordering="id")
    def created(self, assignment):
        return short_time(assignment.created_at)

    @display(description=_("operator"))
    def who(self, assignment):
        return operator_name(assignment)

    @display(description=_("why"))
    def why(self, assignment):
        return sentence(assignment)

    @display(description=_("candidates"))
    def candidates(self, assignment):
        return candidate_table(assignment)


class AssignmentInline(WindowInline):
    """Everybody who was given an inquiry, the last one first."""

    model = Assignment
    verbose_name_plural = _("history of assignments")
    fields = readonly_fields = ["created", "who", "reason", "trigger", "assigned_by", "note"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("operator", "assigned_by")

    @display(description=_("created"), ordering="id")
    def created(self, assignment):
        return short_time(assignment.created_at)

    @display(description=_("operator"))
    def who(self, assignment):
        return operator_name(assignment)

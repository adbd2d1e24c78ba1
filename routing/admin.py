"""Operators and sources as the supervisor edits them.

Nothing is registered here. A change of operators or weights may free a slot, and who takes it is known to `leads`,
which subclasses these and registers them (see leads/admin/draining.py): an arrow only points down.
"""

from django import forms
from django.contrib import admin
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .admin_simulation import SimulationPage
from .choice import ONE, Verdict
from .hours import away
from .models import Absence, Operator, Shift, Source, Weight
from .theme import ModelAdmin, Rows, display, figure, short_time, tag

AWAY_LABELS = {
    Verdict.OFF_DUTY: _("off duty"),
    Verdict.ABSENT: _("on leave"),
    Verdict.OFF_SHIFT: _("off shift"),
}


def away_tag(operator):
    """Why this operator is not at work now, and until when; "" when they are."""
    reason, back_at = away(
        is_active=operator.is_active,
        shifts=[(s.weekday, s.starts, s.ends) for s in operator.shifts.all()],
        absences=[(a.starts_at, a.ends_at) for a in operator.absences.all()],
        zone=operator.time_zone,
        now=timezone.now(),
    )
    if not reason:
        return ""
    if not back_at:
        return tag(AWAY_LABELS[reason])
    return tag(_("%(away)s until %(until)s") % {"away": AWAY_LABELS[reason], "until": short_time(back_at)}, "warn")


class ShiftInline(Rows):
    model = Shift


class AbsenceInline(Rows):
    model = Absence


class OperatorAdmin(ModelAdmin):
    list_display = ["name", "is_active", "now", "max_load", "shares"]
    list_editable = ["is_active", "max_load"]
    list_filter = ["is_active"]
    search_fields = ["name"]

    fieldsets = [
        (None, {"fields": ["name", ("is_active", "max_load"), "user"]}),
        (_("Hours"), {"fields": ["time_zone"]}),
    ]
    autocomplete_fields = ["user"]
    inlines = [ShiftInline, AbsenceInline]

    def get_queryset(self, request):
        weights = Weight.objects.filter(weight__gt=0).select_related("source").order_by("source__name")
        return super().get_queryset(request).prefetch_related("shifts", "absences", Prefetch("weights", weights))

    @display(description=_("now"))
    def now(self, operator):
        return away_tag(operator) or tag(_("at work"), "good")

    @display(description=_("sources"))
    def shares(self, operator):
        return ", ".join(f"{weight.source} · {weight.weight}" for weight in operator.weights.all())


class WeightForm(forms.ModelForm):
    class Meta:
        model = Weight
        fields = ["operator", "weight"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk and "operator" in self.fields:
            # The ledger of a row belongs to its pair: another operator begins with a row of their own.
            self.fields["operator"].disabled = True

    def save(self, commit=True):
        if not (commit and self.instance.pk):
            return super().save(commit)
        # The ledger is written by every inquiry that comes in: what this form read of it is old by now.
        self.instance.save(update_fields=["weight"])
        return self.instance


class WeightInline(Rows):
    model = Weight
    form = WeightForm
    fields = ["operator", "weight", "received", "due_now", "difference"]
    readonly_fields = ["received", "due_now", "difference"]
    ordering = ["-weight", "operator__name"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("operator", "source")

    @admin.display(description=_("received"))
    def received(self, weight):
        return weight.received_count if weight.pk else "—"

    @admin.display(description=_("due by share"))
    def due_now(self, weight):
        return figure(weight.due / ONE) if weight.pk else "—"

    @admin.display(description=_("difference"))
    def difference(self, weight):
        """Above zero: behind their share, the next ones are theirs. Below: ahead of it."""
        return figure(weight.credit, signed=True) if weight.pk else "—"


class SourceAdmin(SimulationPage, ModelAdmin):
    list_display = ["name", "slug", "kind", "is_active", "strategy", "shares"]
    list_filter = ["is_active", "kind"]
    search_fields = ["name", "slug"]

    fieldsets = [
        (None, {"fields": [("name", "slug"), ("kind", "is_active")]}),
        (_("Who gets the next inquiry"), {"fields": ["strategy", "is_sticky", "holds_spam"]}),
        (_("Answering in time"), {"fields": ["response_minutes", ("accept_minutes", "max_bounces")]}),
        (_("Intake"), {"fields": [("default_region", "dedup_minutes")]}),
    ]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [WeightInline]

    def get_queryset(self, request):
        weights = Weight.objects.filter(weight__gt=0).select_related("operator").order_by("-weight", "operator__name")
        return super().get_queryset(request).prefetch_related(Prefetch("weights", weights))

    @display(description=_("weights"))
    def shares(self, source):
        return ", ".join(f"{weight.operator} · {weight.weight}" for weight in source.weights.all())


__all__ = ["Operator", "OperatorAdmin", "Source", "SourceAdmin"]

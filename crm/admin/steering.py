"""What a supervisor can do with inquiries: resolve, re-route, give to an operator.

Each action calls one service of `leads` per inquiry and says in numbers what came of it. All of them are POSTs: the
theme's buttons open a dialog, and only its form acts.
"""

from collections import Counter

from django import forms
from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leads.admin.search import as_uuid
from leads.models import ON_HOLD, Inquiry
from leads.queries import open_counts
from routing.models import Operator
from routing.theme import (
    ActionVariant,
    BaseDialogForm,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    action,
    back_to,
)

from .outcomes import OUTCOMES, accept, give, release, reopen, reroute, resolve

#: Each is a transaction of its own; more than these would keep the supervisor waiting too long.
AT_ONCE = 500


class GiveForm(BaseDialogForm):
    operator = forms.ModelChoiceField(
        Operator.objects.all(), label=_("Operator"), empty_label=_("Select value"), widget=UnfoldAdminSelectWidget
    )
    override = forms.CharField(
        label=_("Reason to go over the limit"),
        help_text=_("Only needed when the operator is full. It is kept with the assignment."),
        required=False,
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        counts = open_counts(Operator.objects.values("pk"))
        self.fields["operator"].label_from_instance = lambda o: f"{o} · {counts.get(o.pk, 0)} / {o.max_load}"

    def clean(self):
        cleaned = super().clean()
        operator = cleaned.get("operator")
        if operator and not cleaned.get("override") and _is_full(operator):
            self.add_error("override", _("This operator is full: say why they should take it."))
        return cleaned


def _is_full(operator):
    return open_counts([operator.pk]).get(operator.pk, 0) >= operator.max_load


class SteeringAdmin:
    actions = ["resolve_selected", "reroute_selected"]
    actions_detail = ["release", "accept", "give", "reroute", "resolve", "reopen"]
    actions_row = ["give", "reroute", "resolve"]

    @action(description=_("Resolve"), permissions=["change"], icon="check")
    def resolve_selected(self, request, queryset):
        self._each(request, queryset, lambda pk: resolve(pk, by=request.user))

    @action(description=_("Re-route: let the strategy choose again"), permissions=["change"], icon="alt_route")
    def reroute_selected(self, request, queryset):
        self._each(request, queryset, lambda pk: reroute(pk, by=request.user))

    @action(
        description=_("Resolve"),
        permissions=["change"],
        icon="check",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": _("Resolve this inquiry?"),
            "description": _("The operator’s slot is freed, and the next waiting inquiry takes it."),
            "form_submit_text": _("Resolve"),
        },
    )
    def resolve(self, request, form, object_id):
        return self._one(request, object_id, resolve(object_id, by=request.user))

    @action(
        description=_("Re-route"),
        permissions=["change"],
        icon="alt_route",
        dialog={
            "title": _("Let the strategy choose again?"),
            "description": _("Anybody but the operator who holds it now may get it."),
            "form_submit_text": _("Re-route"),
        },
    )
    def reroute(self, request, form, object_id):
        return self._one(request, object_id, reroute(object_id, by=request.user))

    @action(
        description=_("Give to…"),
        permissions=["change"],
        icon="person_add",
        dialog={
            "title": _("Give this inquiry to an operator"),
            "description": _("Whoever holds it now gets the slot back."),
            "form_class": GiveForm,
            "form_submit_text": _("Give"),
        },
    )
    def give(self, request, form, object_id):
        given = form.cleaned_data
        outcome = give(object_id, operator=given["operator"], override=given["override"], by=request.user)
        return self._one(request, object_id, outcome)

    @action(
        description=_("Accept"),
        permissions=["change"],
        icon="thumb_up",
        dialog={
            "title": _("Accept this inquiry?"),
            "description": _("It stays with its operator: the time to accept it no longer runs."),
            "form_submit_text": _("Accept"),
        },
    )
    def accept(self, request, form, object_id):
        return self._one(request, object_id, accept(object_id))

    @action(
        description=_("Give out after all"),
        permissions=["change"],
        icon="front_hand",
        dialog={
            "title": _("Give this inquiry out after all?"),
            "description": _(
                "It was held back for a supervisor. It goes to whoever is free, or waits like any other."
            ),
            "form_submit_text": _("Give out"),
        },
    )
    def release(self, request, form, object_id):
        return self._one(request, object_id, release(object_id, by=request.user))

    @action(
        description=_("Reopen"),
        permissions=["change"],
        icon="undo",
        dialog={
            "title": _("Reopen this inquiry?"),
            "description": _("It goes back to its operator, or to another one when they cannot take it."),
            "form_submit_text": _("Reopen"),
        },
    )
    def reopen(self, request, form, object_id):
        return self._one(request, object_id, reopen(object_id, by=request.user))

    def get_actions_detail(self, request, object_id):
        """What makes sense for an inquiry as it is: a resolved one can be reopened and nothing else."""
        inquiry = Inquiry.objects.select_related("source").filter(pk=as_uuid(object_id)).first()
        useless = _useless_for(inquiry) if inquiry else set()
        found = super().get_actions_detail(request, object_id)
        return [action for action in found if action.action_name.rpartition("_")[2] not in useless]

    def _one(self, request, object_id, outcome):
        self._report(request, Counter([outcome]))
        return back_to(request, reverse("admin:leads_inquiry_change", args=[object_id]))

    def _each(self, request, queryset, steer):
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[: AT_ONCE + 1])
        self._report(request, Counter(steer(pk) for pk in chosen[:AT_ONCE]))
        if len(chosen) > AT_ONCE:
            said = _("These were the first %(count)d. Run it again for the others.") % {"count": AT_ONCE}
            self.message_user(request, said, messages.WARNING)

    def _report(self, request, outcomes):
        for outcome, (level, words) in OUTCOMES.items():
            if count := outcomes[outcome]:
                self.message_user(request, words(count) % {"count": count}, level)


def _useless_for(inquiry) -> set[str]:
    """The actions that would change nothing."""
    if inquiry.resolved_at:
        return set(SteeringAdmin.actions_detail) - {"reopen"}
    useless = {"reopen"}
    if inquiry.waiting_reason not in ON_HOLD:
        useless.add("release")
    if inquiry.accept_by is None:
        useless.add("accept")
    return useless

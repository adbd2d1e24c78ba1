"""Judging a reading at the desk: one click says what is right, or that it was."""

import random

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from leads.models import Priority
from leads.privacy import VIEW_INQUIRY, Private
from routing.theme import ChoicesDropdownFilter, Window, display, short_time, tag

from .admin_quality import QualityPage
from .models import Correction, Insight, Intent, NextAction
from .services.corrections import correct_insight

#: What can be said of a reading, in the order of the buttons.
CHOICES = {"intent": Intent, "priority": Priority, "next_action": NextAction}


def judging(user, insight: Insight | None) -> dict | None:
    """What the buttons of a page need: the choices, and what was read before. None without the right to correct."""
    if insight is None or not user.has_perm("triage.change_insight"):
        return None
    correction = insight.corrections.order_by("-created_at", "-id").first() if insight.corrected_at else None
    return {
        "insight": insight,
        "rows": [
            {
                "name": name,
                "label": Insight._meta.get_field(name).verbose_name,
                "buttons": [(value, label, value == getattr(insight, name)) for value, label in choices.choices],
            }
            for name, choices in CHOICES.items()
        ],
        "read": as_read(correction) if correction and not correction.was_right else "",
        "corrected": short_time(insight.corrected_at) if correction else "",
        "by": correction.by_name if correction else "",
    }


def as_read(correction: Correction) -> str:
    """What the reader had said: "Question · P3 · Write an e-mail"; empty where that is not known."""
    words = [
        correction.get_read_intent_display(),
        correction.read_priority,
        correction.get_read_next_action_display(),
    ]
    return " · ".join(str(word) for word in words if word)


class JudgedAdmin:
    """For the admin of insights: the address that the buttons post to, and the buttons on its own page."""

    change_form_outer_before_template = "desk/judge_form.html"
    change_form_before_template = "desk/judge_page.html"

    def get_urls(self):
        view = self.admin_site.admin_view(self.correct)
        return [path("<uuid:insight_id>/correct/", view, name="triage_insight_correct"), *super().get_urls()]

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        insight = object_id and self.get_object(request, object_id)
        shown = {"judging": judging(request.user, insight or None), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, shown)

    def correct(self, request, insight_id):
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("triage.change_insight"):
            raise PermissionDenied
        right = {name: request.POST[name] for name in CHOICES if name in request.POST}
        level, words = self._correct(insight_id, right, by=request.user)
        self.message_user(request, words, level)
        return HttpResponseRedirect(_page_to_go_back_to(request, insight_id))

    def _correct(self, insight_id, right, *, by):
        if any(value not in CHOICES[name].values for name, value in right.items()):
            return messages.ERROR, _("There is no such choice.")
        try:
            correct_insight(insight_id, by=by, now=timezone.now(), rng=random.random, **right)
        except Insight.DoesNotExist:
            return messages.WARNING, _("This insight is not there any more.")
        if not right:
            return messages.SUCCESS, _("Noted: the reading was right.")
        return messages.SUCCESS, _("Corrected. Texts like this one are read so from now on.")


def _page_to_go_back_to(request, insight_id):
    page = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return page
    return reverse("admin:triage_insight_change", args=[insight_id])


@admin.register(Correction)
class CorrectionAdmin(Private, QualityPage, Window):
    needs = (VIEW_INQUIRY,)

    list_display = ["intent_label", "priority_label", "next_action", "as_read", "excerpt", "by_name", "corrected"]
    list_filter = [("intent", ChoicesDropdownFilter), ("priority", ChoicesDropdownFilter), "lang"]
    list_select_related = ["insight__inquiry"]

    fields = [
        "message",
        ("intent", "priority", "next_action"),
        ("read_intent", "read_priority", "read_next_action"),
        ("analyzer", "version"),
        ("by_name", "created_at"),
    ]
    readonly_fields = ["message"]

    @display(description=_("intent"), ordering="intent")
    def intent_label(self, correction):
        return tag(correction.get_intent_display())

    @display(description=_("priority"), ordering="priority")
    def priority_label(self, correction):
        return tag(correction.priority, correction.priority)

    @display(description=_("as it was read"))
    def as_read(self, correction):
        return tag(_("right"), "good") if correction.was_right else as_read(correction)

    @display(description=_("message"))
    def excerpt(self, correction):
        return correction.message[:80]

    @display(description=_("message"))
    def message(self, correction):
        return correction.message

    @display(description=_("corrected"), ordering="created_at")
    def corrected(self, correction):
        return short_time(correction.created_at)

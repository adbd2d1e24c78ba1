"""What if: a source's routing played through on a page, before anybody has to live with it. Nothing is saved."""

from time import monotonic

from django import forms
from django.contrib.admin.utils import unquote
from django.core.validators import MaxValueValidator
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from .choice import Strategy
from .models import STRATEGY_LABELS
from .queries import people_of
from .simulation import Person, Result, Tally, scenario_of, simulate
from .theme import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    action,
    figure,
)

#: As many as are played through in about a second: an inquiry costs as much as there are operators to choose from.
MAX_INQUIRIES, MAX_CHOICES = 5000, 100_000
#: Rare inquiries and many shifts take longer; somebody waits for the page, and others for this process.
SECONDS = 2
#: More points than these make no finer line.
POINTS = 240


class TooLong(Exception):
    """The simulation was given up: it would have kept the page waiting."""


class SimulationForm(forms.Form):
    inquiries = forms.IntegerField(label=_("Inquiries"), min_value=1, widget=UnfoldAdminIntegerFieldWidget)
    per_hour = forms.FloatField(
        label=_("Arrive an hour"), min_value=0.1, max_value=10_000, widget=UnfoldAdminDecimalFieldWidget
    )
    minutes = forms.FloatField(
        label=_("Minutes of work"), min_value=0.1, max_value=10_000, widget=UnfoldAdminDecimalFieldWidget
    )
    strategy = forms.ChoiceField(label=_("Strategy"), choices=STRATEGY_LABELS, widget=UnfoldAdminSelectWidget)
    seed = forms.IntegerField(
        label=_("Seed"),
        help_text=_("The same one, the same arrivals."),
        min_value=0,
        max_value=2**31,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, asked, *, source, people_count):
        given = {"inquiries": 1000, "per_hour": 20, "minutes": 30, "strategy": source.strategy, "seed": 1}
        # What the address does not say is as usual: the page opens with an answer, and a link may name one thing.
        super().__init__(given | {name: asked[name] for name in given if name in asked})
        most = min(MAX_INQUIRIES, MAX_CHOICES // max(1, people_count))
        self.fields["inquiries"].validators.append(MaxValueValidator(most))


class SimulationPage:
    """For the admin of sources: a button on a source's page, and what it leads to."""

    actions_detail = ["what_if"]

    @action(description=_("What if…"), url_path="what-if", permissions=["view"], icon="science")
    def what_if(self, request, object_id):
        source = self.get_object(request, unquote(object_id))
        if source is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        people = people_of(source.pk)
        form = SimulationForm(request.GET, source=source, people_count=len(people))
        context = {
            **self.admin_site.each_context(request),
            "title": _("What if: %(source)s") % {"source": source},
            "opts": self.opts,
            "source": source,
            "media": forms.Media(js=["desk/whatif.js"]),
            "form": form,
            "has_people": any(person.weight for person in people),
        }
        if form.is_valid() and context["has_people"]:
            context |= _outcome(form.cleaned_data, people)
        return TemplateResponse(request, "desk/what_if.html", context)


def _outcome(asked: dict, people: list[Person]) -> dict:
    try:
        result = _play(asked, people)
    except TooLong:
        return {"is_too_long": True}
    return {
        "rows": [_row(tally, result) for tally in result.people],
        "figures": _figures(result),
        "chart": _chart(result),
        "never_count": result.never_given_count,
    }


def _play(asked: dict, people: list[Person]) -> Result:
    ends = monotonic() + SECONDS

    def give_up_in_time():
        if monotonic() > ends:
            raise TooLong

    scenario = scenario_of(
        people,
        strategy=Strategy(asked["strategy"]),
        per_hour=asked["per_hour"],
        work_minutes=asked["minutes"],
        inquiries=asked["inquiries"],
        start=timezone.now(),
        seed=asked["seed"],
    )
    return simulate(scenario, progress=give_up_in_time)


def _row(tally: Tally, result: Result) -> dict:
    return {
        "name": tally.name,
        "weight": tally.weight,
        "received": tally.received_count,
        "share": f"{figure(100 * tally.received_count / result.inquiries, places=1)} %",
        "due": figure(tally.due, places=1),
        "worst_error": figure(tally.worst_error),
        "peak": tally.peak_load,
        "limit": tally.max_load,
        "is_full": tally.peak_load >= tally.max_load,
    }


def _figures(result: Result) -> list[tuple]:
    """(label, value) of the waiting; the times are of those who had to wait at all."""
    return [
        (_("Had to wait"), f"{figure(100 * result.waited_count / result.inquiries, places=1)} %"),
        (_("Half waited less than"), minutes(result.median_wait)),
        (_("95 of 100 waited less than"), minutes(result.wait_percentile(0.95))),
        (_("Waited longest"), minutes(result.longest_wait)),
    ]


def minutes(count: float) -> str:
    """A length of time as one reads it: minutes, or hours and days when there are many."""
    if count < 100:
        return gettext("%(count)s min") % {"count": figure(count, places=1)}
    if count < 100 * 60:
        return gettext("%(count)s h") % {"count": figure(count / 60, places=1)}
    return gettext("%(count)s d") % {"count": figure(count / 60 / 24, places=1)}


def _chart(result: Result) -> dict:
    """What the chart draws: of each stretch of time the most that waited and the most that were open."""
    width = -(-len(result.timeline) // POINTS)
    stretches = [result.timeline[n : n + width] for n in range(0, len(result.timeline), width)]
    return {
        "hours": [round(stretch[-1][0], 2) for stretch in stretches],
        "hours_label": gettext("hours from now"),
        "lines": [
            {
                "label": pgettext("inquiries", "Waiting"),
                "values": [max(waiting for _, waiting, _ in s) for s in stretches],
            },
            {"label": pgettext("inquiries", "Open"), "values": [max(held for _, _, held in s) for s in stretches]},
        ],
    }

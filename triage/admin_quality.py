"""The page that says how well the readers read."""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .analyzers.policy import SURE_ENOUGH
from .analyzers.registry import OFFLINE
from .models import Intent, Note
from .quality import Quality, Share, quality
from .queries import requests_of_today

#: The stretches of time to choose from, in days.
PERIODS = (30, 90, 365)
LANGUAGES = {"en": _("English"), "ru": _("Russian")}


class QualityPage:
    """For the admin of corrections: the page stands beside the list it is drawn from."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.quality)
        return [path("quality/", view, name="triage_quality"), *super().get_urls()]

    def quality(self, request):
        if not (request.user.has_perm("triage.view_correction") and request.user.has_perm("triage.view_insight")):
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, PERIODS) else PERIODS[1]
        now = timezone.now()
        found = quality(since=now - timedelta(days=days))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Quality of readings"),
            "opts": self.opts,
            "media": Media(js=["desk/quality.js"]),
            "days": days,
            "periods": PERIODS,
            "sure": f"{round(100 * SURE_ENOUGH)} %",
            "figures": _figures(found),
            "tables": _tables(found),
            "notes": [(Note(note).label if note in Note else note, count) for note, count in found.notes],
            "asks_model": settings.TRIAGE_ANALYZER != OFFLINE,
            "requests": requests_of_today(now=now),
            "limit": settings.TRIAGE_DAILY_LIMIT,
            "chart": _chart(found),
        }
        return TemplateResponse(request, "desk/quality.html", context)


def _figures(found: Quality) -> list[dict]:
    shares = [
        (_("Intent right"), found.intent),
        (_("Priority right"), found.priority),
        (_("Next action right"), found.next_action),
        (_("Decided automatically"), found.automatic),
    ]
    return [
        {"label": label, "ratio": percent(share), "of": share.of, "range": bounds(share)} for label, share in shares
    ]


def _tables(found: Quality) -> dict:
    return {
        "intents": [
            {"name": Intent(row.intent).label, "found": row.found, "right": row.right, **_both(row)}
            for row in found.intents
        ],
        "languages": [
            (LANGUAGES.get(lang, _("Not recognised")), share.of, percent(share)) for lang, share in found.languages
        ],
        "readers": [(name, share.of, percent(share)) for name, share in found.readers],
    }


def _both(row) -> dict:
    return {"found_ratio": percent(row.found), "right_ratio": percent(row.right)}


def _chart(found: Quality) -> dict | None:
    """What the chart draws; nothing for less than two weeks, which make no line."""
    if len(found.weeks) < 2:
        return None
    return {
        "labels": [formats.date_format(week.starts_on, "j M") for week in found.weeks],
        "lines": [
            {"label": gettext("Intent right"), "values": [_points(week.right) for week in found.weeks]},
            {"label": gettext("Decided automatically"), "values": [_points(week.automatic) for week in found.weeks]},
        ],
    }


def _points(share: Share) -> int | None:
    return None if share.ratio is None else round(100 * share.ratio)


def percent(share: Share) -> str:
    """ "87 %", or a dash where there is nothing to tell."""
    return "—" if share.ratio is None else f"{round(100 * share.ratio)} %"


def bounds(share: Share) -> str:
    """ "79–92 %": where the true share lies; empty where there is nothing to tell."""
    if share.bounds is None:
        return ""
    low, high = (round(100 * bound) for bound in share.bounds)
    return f"{low}–{high} %"

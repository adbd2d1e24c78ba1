"""The desk: the admin site the supervisor lives in, with its navigation and its dashboard."""

from django.apps import apps
from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from leads.privacy import VIEW_INQUIRY, VIEW_LEAD, hide_lead
from routing.admin import away_tag
from routing.theme import UnfoldAdminSite

from . import queries

#: How much the dashboard shows of each: as much as is understood at a glance.
ROWS = 8
OPERATORS = 12


class Desk(UnfoldAdminSite):
    index_title = _("Dashboard")
    index_template = "desk/dashboard.html"
    enable_nav_sidebar = True

    def index(self, request, extra_context=None):
        return super().index(request, {"board": dashboard(request.user), **(extra_context or {})})


def dashboard(user) -> dict:
    """What this user may see of the state of things. The number of queries does not depend on how much there is."""
    board = {}
    if user.has_perm(VIEW_INQUIRY):
        board["totals"] = queries.open_totals()
        board["waiting"] = list(queries.longest_waiting(limit=ROWS))
        for inquiry in board["waiting"]:
            hide_lead(inquiry, user=user)
        if user.has_perm("routing.add_source"):
            board["steps"] = _first_steps()
    if user.has_perms(["triage.view_job", VIEW_INQUIRY]):
        board["failed_count"] = queries.failed_job_count()
    if user.has_perm("routing.view_operator"):
        loads, board["more_operators"] = queries.loads(limit=OPERATORS)
        board["loads"] = [(load, away_tag(load.operator)) for load in loads]
    if user.has_perm("triage.view_insight") and user.has_perm(VIEW_INQUIRY):
        board["insights"] = list(queries.latest_insights(limit=ROWS))
        for insight in board["insights"]:
            hide_lead(insight.inquiry, user=user)
    return board


def _first_steps():
    taken = queries.first_steps()
    if taken is None:
        return None
    steps = [
        (_("Add the operators who answer, with their limits."), "routing_operator_add"),
        (_("Add a source: a site, a bot, a mailbox."), "routing_source_add"),
        (_("Give the operators weights in the source."), "routing_source_changelist"),
        (_("Create an API key for the source."), "crm_apikey_add"),
        (_("Send the first inquiry with that key; it appears here."), ""),
    ]
    return [
        {"text": text, "link": link and reverse(f"admin:{link}"), "is_taken": is_taken}
        for (text, link), is_taken in zip(steps, taken, strict=True)
    ]


def navigation(request) -> list[dict]:
    """The sidebar, with the numbers somebody has to act on; the most urgent are seen on every page."""
    may = request.user.has_perm
    totals = queries.open_totals() if may(VIEW_INQUIRY) else {"waiting": 0, "urgent": 0}
    failed = queries.failed_job_count() if may("triage.view_job") and may(VIEW_INQUIRY) else 0
    groups = [
        _group(
            pgettext_lazy("navigation", "Work"),
            {"title": _("Dashboard"), "icon": "space_dashboard", "link": reverse("admin:index")},
            totals["urgent"] and _urgent(request, count=totals["urgent"]),
            _item("leads_inquiry", _("Inquiries"), "inbox", request, badge=totals["waiting"]),
            _item("leads_lead", _("Leads"), "contacts", request),
            _item("leads_possibleduplicate", _("Possible duplicates"), "group", request),
        ),
        _group(
            _("Routing"),
            _item("routing_source", _("Sources"), "input", request),
            _item("routing_operator", _("Operators"), "support_agent", request),
            _item("leads_assignment", _("Assignments"), "history", request),
            request.user.has_perms(["leads.view_assignment", VIEW_INQUIRY, VIEW_LEAD])
            and {"title": _("Routing check"), "icon": "fact_check", "link": reverse("admin:leads_routing_check")},
        ),
        _group(
            _("Triage"),
            _item("triage_insight", _("Insights"), "lightbulb", request),
            _item("triage_correction", _("Corrections"), "rule", request),
            _quality(request),
            _item("triage_job", _("Jobs"), "sync", request, badge=failed),
        ),
        _group(
            _("Access"),
            _item("crm_apikey", _("API keys"), "key", request),
            _item("auth_user", _("Users"), "person", request),
            _item("auth_group", _("Groups"), "groups", request),
        ),
    ]
    groups[0]["separator"] = False
    return groups


def tabs(request) -> list[dict]:
    """The views over the list of inquiries that a supervisor changes between."""
    link, shown = reverse("admin:leads_inquiry_changelist"), request.GET.get("show", "")
    views = [
        ("", pgettext_lazy("inquiries", "All")),
        ("waiting", pgettext_lazy("inquiries", "Waiting")),
        ("open", pgettext_lazy("inquiries", "Open")),
        ("urgent", _("P0 open")),
        ("held", _("Held as spam")),
        ("resolved", pgettext_lazy("inquiries", "Resolved")),
    ]
    items = [
        {"title": title, "link": f"{link}?show={name}" if name else link, "active": shown == name}
        for name, title in views
    ]
    return [{"models": ["leads.inquiry"], "items": items}]


def stylesheet(request) -> str:
    return static("desk/desk.css")


def script(request) -> str:
    return static("desk/desk.js")


def favicon(request) -> str:
    return static("desk/favicon.svg")


def _group(title, *items) -> dict:
    return {"title": title, "separator": True, "items": [item for item in items if item]}


def _item(name, title, icon, request, *, badge=0) -> dict | None:
    model = apps.get_model(name.replace("_", "."))
    if not admin.site.get_model_admin(model).has_view_or_change_permission(request):
        return None
    link = reverse(f"admin:{name}_changelist")
    # Left to itself, the theme marks a list also on the page beside it that has an entry of its own.
    is_here = request.path.startswith(link) and request.path.removeprefix(link) not in ("check/", "quality/")
    item = {"title": title, "icon": icon, "link": link, "active": is_here}
    if badge:
        item["badge"] = str(badge)
    return item


def _urgent(request, *, count: int) -> dict:
    link = reverse("admin:leads_inquiry_changelist")
    is_here = request.path == link and request.GET.get("show") == "urgent"
    shown = {"title": _("P0 open"), "icon": "notification_important", "link": f"{link}?show=urgent"}
    return shown | {"badge": str(count), "active": is_here}


def _quality(request) -> dict | None:
    if not request.user.has_perms(["triage.view_correction", "triage.view_insight"]):
        return None
    return {"title": _("Quality"), "icon": "monitoring", "link": reverse("admin:triage_quality")}

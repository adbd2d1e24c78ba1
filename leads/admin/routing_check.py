"""The page that says whether routing kept its promises.

A page of its own, run by those who open it: it judges every open inquiry by its record again, which takes a second or
so for a thousand of them, and that is too long for the dashboard.
"""

from django.core.exceptions import PermissionDenied
from django.db import Error
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from leads.privacy import VIEW_INQUIRY, VIEW_LEAD
from leads.services import check_routing
from store.errors import is_passing

#: More of them say nothing new: they have one cause.
SHOWN = 50
#: What is found names inquiries by their leads.
NEEDED = ("leads.view_assignment", VIEW_INQUIRY, VIEW_LEAD)


class RoutingCheckPage:
    """For the admin of assignments: the page stands beside the records it judges by."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.routing_check)
        return [path("check/", view, name="leads_routing_check"), *super().get_urls()]

    def routing_check(self, request):
        if not request.user.has_perms(NEEDED):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": _("Routing check"), "opts": self.opts}
        # Found before the page is rendered: no lock is held while somebody waits for HTML.
        return TemplateResponse(request, "desk/routing_check.html", context | _findings())


def _findings() -> dict:
    try:
        found = check_routing(now=timezone.now())
    except Error as error:
        if not is_passing(error):
            raise
        return {"is_busy": True}
    return {"count": len(found), "found": found[:SHOWN], "more": max(0, len(found) - SHOWN)}

"""Who sees what at the desk: a text with the permission for inquiries, a name or a contact with the one for leads.

What an inquiry brings forth (insights, jobs, assignments, corrections) shows both, and needs these permissions beside
its own.
"""

from django.utils.translation import gettext

from routing.theme import ChangeList

from .models import Inquiry, Lead

VIEW_INQUIRY, VIEW_LEAD = "leads.view_inquiry", "leads.view_lead"


def hide_lead(inquiry: Inquiry, *, user) -> None:
    """Put a lead without name and contacts in the place of the real one, unless this user may see leads."""
    if not user.has_perm(VIEW_LEAD):
        inquiry.lead = Lead(pk=inquiry.lead_id, name=gettext("Lead %(id)s") % {"id": inquiry.lead_id.hex[-6:]})


def is_hidden(lead: Lead) -> bool:
    """Whether `hide_lead` made this lead: it was never read from the database."""
    return lead._state.adding


class Private:
    """For the admin of what shows a text or a lead: it needs more than its own permission."""

    needs: tuple[str, ...] = ()

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) and request.user.has_perms(self.needs)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and request.user.has_perms(self.needs)


class HidingList(ChangeList):
    def get_results(self, request):
        super().get_results(request)
        for row in self.result_list:
            hide_lead(self.model_admin.inquiry_of(row), user=request.user)


class AboutInquiry(Private):
    """For the admin of what belongs to an inquiry. Its lead is hidden from those who may not see leads."""

    needs = (VIEW_INQUIRY,)

    def inquiry_of(self, row) -> Inquiry:
        return row.inquiry

    def get_changelist(self, request, **kwargs):
        return super().get_changelist(request, **kwargs) if request.user.has_perm(VIEW_LEAD) else HidingList

    def get_object(self, request, object_id, from_field=None):
        row = super().get_object(request, object_id, from_field)
        if row and not request.user.has_perm(VIEW_LEAD):
            hide_lead(self.inquiry_of(row), user=request.user)
        return row

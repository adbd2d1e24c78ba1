"""The one file that knows which admin theme we use: everything else imports its classes from here.

It lives in `routing` because that is the lowest app, and the admin of every app needs it.
"""

from django.contrib.admin import ShowFacets
from django.http import HttpResponse, HttpResponseRedirect
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext
from unfold.admin import ModelAdmin as ThemeModelAdmin
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, BaseDialogForm, UserChangeForm, UserCreationForm
from unfold.sections import TemplateSection
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

__all__ = [
    "ActionVariant",
    "AdminPasswordChangeForm",
    "BaseDialogForm",
    "ChangeList",
    "ChoicesDropdownFilter",
    "DropdownFilter",
    "ModelAdmin",
    "RelatedDropdownFilter",
    "Rows",
    "StackedInline",
    "TabularInline",
    "TemplateSection",
    "UnfoldAdminDecimalFieldWidget",
    "UnfoldAdminIntegerFieldWidget",
    "UnfoldAdminSelectWidget",
    "UnfoldAdminSite",
    "UnfoldAdminTextareaWidget",
    "UserChangeForm",
    "UserCreationForm",
    "Window",
    "WindowInline",
    "action",
    "back_to",
    "display",
    "figure",
    "short_time",
    "tag",
]


class ModelAdmin(ThemeModelAdmin):
    """What all our lists have in common: nothing that costs more when history grows."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_filter_submit = True
    empty_value_display = "—"


class WindowOnly:
    """A window, not a form: what the machine writes is looked at here and never typed."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class Window(WindowOnly, ModelAdmin):
    pass


class Rows(TabularInline):
    """An inline whose rows speak for themselves."""

    extra = 0
    hide_title = True


class WindowInline(WindowOnly, Rows):
    pass


#: The tone of a label, by what it tells.
TONES = {
    "P0": "alarm",
    "P1": "warn",
    "P2": "info",
    "waiting": "alarm",
    "assigned": "info",
    "resolved": "good",
}


def tag(text, tone=""):
    """A coloured label: alarm, warn, info, good, or none. The theme has its own, but on lists only."""
    return format_html('<span class="desk-tag desk-{}">{}</span>', TONES.get(tone, tone) or "plain", text)


def short_time(moment) -> str:
    """A moment as narrow as a list can have it: "20 Nov 16:39", with the year when it is not this one."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    if local.year == timezone.localtime().year:
        return formats.date_format(local, pgettext("format of a moment", "j M H:i"))
    return formats.date_format(local, pgettext("format of a moment", "j M Y"))


def back_to(request, page):
    """Return a redirect to where a dialog was opened, else to ``page``. The dialog's own request is not a page's."""
    opened_at = request.headers.get("HX-Current-URL", "")
    if url_has_allowed_host_and_scheme(opened_at, {request.get_host()}, require_https=request.is_secure()):
        page = opened_at
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


def figure(value, *, places=2, signed=False) -> str:
    """A number of inquiries that need not be whole, rounded; Django's own formatting cuts it off."""
    # Adding zero makes −0.0 a plain 0.0.
    value = round(value, places) + 0.0
    return f"{'+' if signed and value > 0 else ''}{formats.number_format(value, places)}"


#: What the theme says on our pages. It brings no Russian; named here, its words are found by makemessages.
THEME_WORDS = (
    _("All applications"),
    _("Apply Filters"),
    _("Cancel"),
    _("Click to cancel"),
    _("Dark"),
    _("Date"),
    _("Expand row"),
    _("False"),
    _("Filters"),
    _("Forgotten your password or username?"),
    _("From"),
    _("General"),
    _("Go back"),
    _("Light"),
    _("Loading more results..."),
    _("More actions"),
    _("Next"),
    _("No data"),
    _("No recent searches"),
    _("No results found"),
    _("No results matching your query"),
    _("Previous"),
    _("Recent searches"),
    _("Record picture"),
    _("Reset filters"),
    _("Return to site"),
    _("Run"),
    _("Search apps and models..."),
    _("Select action"),
    _("Select action to run"),
    _("Select all rows"),
    _("Select record"),
    _("Select value"),
    _("Submit"),
    _("System"),
    _("This item will be deleted."),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("To"),
    _("Toggle password visibility"),
    _("True"),
    _("Type to search"),
    _("Value"),
    _("Welcome"),
    _("You have been successfully logged out from the administration"),
    _("After you've created a user, you’ll be able to edit more user options."),
    _(
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can change the "
        'password using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
    ),
    _("Welcome back to"),
)

#: What Django says with a name put in, as if all of them were masculine in Russian. Ours reads right with any.
DJANGO_WORDS = (
    _("Add %(name)s"),
    _("Add another %(verbose_name)s"),
    _("The {name} “{obj}” was added successfully."),
    _("The {name} “{obj}” was added successfully. You may edit it again below."),
    _("The {name} “{obj}” was added successfully. You may add another {name} below."),
    _("The {name} “{obj}” was changed successfully."),
    _("The {name} “{obj}” was changed successfully. You may edit it again below."),
    _("The {name} “{obj}” was changed successfully. You may add another {name} below."),
    _("The %(name)s “%(obj)s” was deleted successfully."),
    _(
        'Are you sure you want to delete the %(object_name)s "%(escaped_object)s"? All of the following related items '
        "will be deleted:"
    ),
    ngettext_lazy(
        "%(count)s %(name)s was changed successfully.", "%(count)s %(name)s were changed successfully.", "count"
    ),
)

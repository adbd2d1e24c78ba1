"""The one file that knows which admin theme we use: everything else imports its classes from here.

It lives in `routing` because that is the lowest app, and the admin of every app needs it.
"""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin as ThemeModelAdmin
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, BaseDialogForm, UserChangeForm, UserCreationForm
from unfold.sections import TemplateSection
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

__all__ = [
    "ActionVariant",
    "AdminPasswordChangeForm",
    "BaseDialogForm",
    "ChangeList",
    "ChoicesDropdownFilter",
    "DropdownFilter",
    "ModelAdmin",
    "RelatedDropdownFilter",
    "StackedInline",
    "TabularInline",
    "TemplateSection",
    "UnfoldAdminSelectWidget",
    "UnfoldAdminSite",
    "UnfoldAdminTextareaWidget",
    "UserChangeForm",
    "UserCreationForm",
    "Window",
    "WindowInline",
    "action",
    "display",
]


class ModelAdmin(ThemeModelAdmin):
    """What all our lists have in common: nothing that costs more when history grows."""

    show_full_result_count = False
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


class WindowInline(WindowOnly, TabularInline):
    extra = 0


class Labels:
    """The colours of labels, by what they tell."""

    PRIORITY: ClassVar = {"P0": "danger", "P1": "warning", "P2": "info", "P3": ""}
    STATUS: ClassVar = {"waiting": "danger", "assigned": "info", "resolved": "success"}


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
    _("Raw passwords are not stored, so there is no way to see this "),
)

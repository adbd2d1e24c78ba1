from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AdminConfig):
    """Django's admin with our site: its own name, navigation and dashboard."""

    default_site = "crm.desk.Desk"


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("Access")

    def ready(self):
        # Imported for what it registers: Django's own way.
        from . import checks  # noqa: F401

"""The API keys that clients come in with."""

from django.contrib import admin, messages
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from crm.keys import create_key
from crm.models import ApiKey
from routing.theme import (
    ActionVariant,
    ModelAdmin,
    RelatedDropdownFilter,
    action,
    back_to,
    display,
    short_time,
    tag,
)


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    list_display = ["name", "source", "scope", "prefix", "state", "created", "last_used"]
    list_filter = [("source", RelatedDropdownFilter), "scope"]
    list_select_related = ["source"]

    fields = ["name", "source", "scope", "prefix", "created_at", "last_used_at", "revoked_at"]
    actions = ["revoke"]
    actions_detail = ["revoke_this"]

    def get_fields(self, request, obj=None):
        return self.fields if obj else ["source", "name", "scope"]

    def get_readonly_fields(self, request, obj=None):
        # What a key may do is settled when it is given out; only its name may be improved.
        return [field for field in self.fields if field != "name"] if obj else []

    def save_model(self, request, obj, form, change):
        if change:
            obj.save(update_fields=["name"])
            return
        row, obj.shown_once = create_key(obj.source, name=obj.name, scope=obj.scope)
        obj.pk, obj.prefix = row.pk, row.prefix

    def response_add(self, request, obj, post_url_continue=None):
        """The page with the key itself. Not by a redirect: until then it would lie in a cookie or a session."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new key"),
            "opts": self.opts,
            "key": obj.shown_once,
            "api_key": obj,
            "intake_url": request.build_absolute_uri(reverse("inquiries")),
        }
        return TemplateResponse(request, "desk/new_key.html", context, headers={"Cache-Control": "no-store"})

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description=_("state"))
    def state(self, api_key):
        if api_key.revoked_at:
            return tag(pgettext_lazy("API key", "Revoked"), "alarm")
        return tag(pgettext_lazy("API key", "Works"), "good")

    @display(description=_("created"), ordering="created_at")
    def created(self, row):
        return short_time(row.created_at)

    @display(description=_("last used"), ordering="last_used_at")
    def last_used(self, api_key):
        return short_time(api_key.last_used_at)

    @action(description=_("Revoke: refused from now on, for ever"), permissions=["change"], icon="key_off")
    def revoke(self, request, queryset):
        self._revoke(request, queryset)

    @action(
        description=_("Revoke"),
        permissions=["change"],
        icon="key_off",
        variant=ActionVariant.DANGER,
        dialog={
            "title": _("Revoke this key?"),
            "description": _("Whoever uses it is refused from now on. It cannot be undone."),
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke_this(self, request, form, object_id):
        found = self.get_object(request, object_id)
        self._revoke(request, ApiKey.objects.filter(pk=found.pk) if found else ApiKey.objects.none())
        return back_to(request, reverse("admin:crm_apikey_changelist"))

    def _revoke(self, request, queryset):
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        said = ngettext("%(count)d key revoked.", "%(count)d keys revoked.", count) % {"count": count}
        self.message_user(request, said, messages.SUCCESS)

"""The people of the desk: nobody gets or gives more than they have themselves."""

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from routing.theme import AdminPasswordChangeForm, ModelAdmin, UserChangeForm, UserCreationForm

admin.site.unregister(User)
admin.site.unregister(Group)


def permissions_of(user: User):
    """Return what a user was granted, also while they are inactive: they may be activated again."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user))


def permissions_lacked_by(user: User):
    return Permission.objects.exclude(pk__in=permissions_of(user).values("pk"))


class OwnRightsForm:
    """For the forms of users and groups: the editor grants what they have, and what they lack stays as it is."""

    #: Set by RightsAdmin for each request.
    editor: User

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        lacked = permissions_lacked_by(self.editor)
        #: By the name of the field, what the editor can neither grant nor take away.
        self._foreign = {}
        for name, foreign, refusal in (
            ("permissions", lacked, _("You can only grant permissions that you have yourself.")),
            ("user_permissions", lacked, _("You can only grant permissions that you have yourself.")),
            (
                "groups",
                Group.objects.filter(permissions__in=lacked),
                _("You can only choose groups whose permissions you have yourself."),
            ),
        ):
            if name in self.fields and not self.editor.is_superuser:
                self._restrict(name, foreign, refusal)

    def _restrict(self, name, foreign, refusal):
        field = self.fields[name]
        held = getattr(self.instance, name).values("pk") if self.instance.pk else []
        self._foreign[name] = foreign.filter(pk__in=held)
        field.queryset = field.queryset.filter(~Q(pk__in=foreign.values("pk")) | Q(pk__in=held))
        field.error_messages["invalid_choice"] = refusal
        field.help_text = format_lazy(
            "{} {}", field.help_text, _("What you do not have yourself can be neither added nor removed.")
        )

    def clean(self):
        super().clean()
        for name, foreign in self._foreign.items():
            if name in self.cleaned_data:
                chosen = Q(pk__in=self.cleaned_data[name].values("pk")) | Q(pk__in=foreign.values("pk"))
                self.cleaned_data[name] = self.fields[name].queryset.filter(chosen)
        return self.cleaned_data


class UserForm(OwnRightsForm, UserChangeForm):
    pass


class GroupForm(OwnRightsForm, forms.ModelForm):
    pass


class RightsAdmin:
    """Tell the form who edits."""

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        # Made anew for each request, so that nobody else's form is changed.
        form.editor = request.user
        return form


@admin.register(User)
class UserAdmin(RightsAdmin, DjangoUserAdmin, ModelAdmin):
    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_readonly_fields(self, request, obj=None):
        found = super().get_readonly_fields(request, obj)
        return found if request.user.is_superuser else [*found, "is_superuser"]

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and not _is_out_of_reach(obj, editor=request.user)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and not _is_out_of_reach(obj, editor=request.user)

    def user_change_password(self, request, id, form_url=""):
        user = self.get_object(request, unquote(id))
        # Whoever sets a password can log in with it, and then has all the rights behind it.
        if user and not request.user.is_superuser and _has_more(user, than=request.user):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def get_deleted_objects(self, objs, request):
        """Count what goes with a user, but do not list it: the entries of their history name leads."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return [line for line in deleted if not isinstance(line, list)], counts, needed, protected


@admin.register(Group)
class GroupAdmin(RightsAdmin, DjangoGroupAdmin, ModelAdmin):
    form = GroupForm


def _is_out_of_reach(user: User | None, *, editor: User) -> bool:
    return user is not None and user.is_superuser and not editor.is_superuser


def _has_more(user: User, *, than: User) -> bool:
    return permissions_of(user).filter(pk__in=permissions_lacked_by(than).values("pk")).exists()

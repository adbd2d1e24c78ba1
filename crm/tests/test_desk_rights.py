"""Who manages users and groups, and is no superuser, takes over nobody and gives nothing they lack."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User

from leads.models import Lead

from .desk import staff

pytestmark = pytest.mark.django_db

USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
NEW_PASSWORD = {"usable_password": "true", "password1": "n3w-Word-here", "password2": "n3w-Word-here"}
OWN_ONLY = "You can only grant permissions that you have yourself."
OWN_GROUPS_ONLY = "You can only choose groups whose permissions you have yourself."


def permission(name):
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def form_of(user, **fields):
    """What a browser sends for the page of this user as it is, with these fields changed."""
    return {
        "username": user.username,
        "first_name": user.first_name,
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "groups": list(user.groups.values_list("pk", flat=True)),
        "user_permissions": list(user.user_permissions.values_list("pk", flat=True)),
        "date_joined_0": "2026-11-20",
        "date_joined_1": "12:00:00",
        **fields,
    }


def page(user, name="change"):
    return f"{USERS}{user.pk}/{name}/"


def errors(response):
    return response.context["adminform"].form.errors


def names(permissions):
    return set(permissions.values_list("codename", flat=True))


@pytest.fixture
def manager(client):
    """May manage users and groups, and may see leads; nothing else."""
    allowed = [f"auth.{verb}_{kind}" for verb in ("view", "add", "change", "delete") for kind in ("user", "group")]
    user = staff(*allowed, "leads.view_lead")
    client.force_login(user)
    return user


@pytest.fixture
def root():
    return User.objects.create_superuser("root", "root@example.com", "password")


@pytest.fixture
def clerk():
    return User.objects.create_user("clerk", password="password", is_staff=True)


@pytest.fixture
def rulers():
    """A group with a permission that the manager lacks."""
    group = Group.objects.create(name="rulers")
    group.permissions.add(permission("routing.change_source"))
    return group


def test_superuser_is_not_changed_by_others(client, manager, root):
    response = client.post(page(root), form_of(root, username="mine", email="mine@example.com", is_active=""))

    assert response.status_code == 403
    assert list(User.objects.filter(pk=root.pk).values_list("username", "email", "is_active")) == [
        ("root", "root@example.com", True)
    ]
    assert 'name="email"' not in client.get(page(root)).content.decode()


def test_password_of_a_superuser_is_not_set_by_others(client, manager, root):
    assert client.get(page(root, "password")).status_code == 403
    assert client.post(page(root, "password"), NEW_PASSWORD).status_code == 403
    assert client.post(page(root, "password"), {"usable_password": "false", "unset-password": "x"}).status_code == 403

    root.refresh_from_db()
    assert root.check_password("password")


def test_superuser_is_not_deleted_by_others(client, manager, root, clerk):
    chosen = {"action": "delete_selected", "_selected_action": [root.pk, clerk.pk], "post": "yes"}

    assert client.post(page(root, "delete"), {"post": "yes"}).status_code == 403
    assert client.post(USERS, chosen).status_code == 403

    assert User.objects.filter(pk__in=[root.pk, clerk.pk]).count() == 2


def test_superuser_status_is_given_by_superusers_alone(client, manager, clerk):
    for user in (clerk, manager):
        client.post(page(user), form_of(user, is_superuser="on"))
    new = {"username": "new", "is_superuser": "on", **NEW_PASSWORD}
    assert client.post(f"{USERS}add/", new).status_code == 302

    assert not User.objects.filter(is_superuser=True).exists()
    assert 'name="is_superuser"' not in client.get(page(clerk)).content.decode()


@pytest.mark.parametrize("own", [True, False])
def test_permission_that_the_editor_lacks_cannot_be_granted(client, manager, clerk, own):
    user = manager if own else clerk
    lacked = permission("routing.change_source")
    before = names(user.user_permissions)

    response = client.post(page(user), form_of(user, user_permissions=[lacked.pk]))

    assert errors(response) == {"user_permissions": [OWN_ONLY]}
    assert names(user.user_permissions) == before


@pytest.mark.parametrize("own", [True, False])
def test_group_with_permissions_that_the_editor_lacks_cannot_be_assigned(client, manager, clerk, rulers, own):
    user = manager if own else clerk

    response = client.post(page(user), form_of(user, groups=[rulers.pk]))

    assert errors(response) == {"groups": [OWN_GROUPS_ONLY]}
    assert not user.groups.exists()


def test_group_gets_no_permission_that_the_editor_lacks(client, manager, rulers):
    mine = Group.objects.create(name="mine")
    manager.groups.add(mine)
    lacked = [permission("routing.change_source").pk, permission("triage.view_job").pk]

    for url in (f"{GROUPS}{mine.pk}/change/", f"{GROUPS}{rulers.pk}/change/", f"{GROUPS}add/"):
        response = client.post(url, {"name": "all", "permissions": lacked})
        assert errors(response) == {"permissions": [OWN_ONLY]}

    assert not mine.permissions.exists()
    assert names(rulers.permissions) == {"change_source"}
    assert Group.objects.count() == 2


def test_rights_that_the_editor_lacks_survive_an_edit(client, manager, clerk, rulers):
    clerk.groups.add(rulers)
    clerk.user_permissions.add(permission("triage.view_job"), permission("leads.view_lead"))

    response = client.post(page(clerk), form_of(clerk, first_name="Cleo", groups=[], user_permissions=[]))
    assert response.status_code == 302
    response = client.post(f"{GROUPS}{rulers.pk}/change/", {"name": "rulers", "permissions": []})
    assert response.status_code == 302

    clerk.refresh_from_db()
    assert clerk.first_name == "Cleo"
    assert names(clerk.user_permissions) == {"view_job"}
    assert list(clerk.groups.all()) == [rulers]
    assert names(rulers.permissions) == {"change_source"}


def test_form_that_shows_foreign_rights_can_be_saved_as_it_is(client, manager, clerk, rulers):
    clerk.groups.add(rulers)
    clerk.user_permissions.add(permission("triage.view_job"))
    own = permission("leads.view_lead")

    rights = [own.pk, permission("triage.view_job").pk]
    assert client.post(page(clerk), form_of(clerk, user_permissions=rights)).status_code == 302

    assert names(clerk.user_permissions) == {"view_job", "view_lead"}
    assert list(clerk.groups.all()) == [rulers]


def test_permissions_had_through_a_group_can_be_granted(client, manager, clerk, rulers):
    manager.groups.add(rulers)

    granted = form_of(clerk, groups=[rulers.pk], user_permissions=[permission("routing.change_source").pk])
    assert client.post(page(clerk), granted).status_code == 302

    assert names(clerk.user_permissions) == {"change_source"}
    assert list(clerk.groups.all()) == [rulers]


@pytest.mark.parametrize("is_active", [True, False])
def test_password_of_somebody_with_more_rights_is_not_set(client, manager, clerk, rulers, is_active):
    clerk.groups.add(rulers)
    User.objects.update(is_active=is_active)
    User.objects.filter(pk=manager.pk).update(is_active=True)

    assert client.post(page(clerk, "password"), NEW_PASSWORD).status_code == 403

    clerk.refresh_from_db()
    assert clerk.check_password("password")


def test_password_of_somebody_with_no_more_rights_is_set(client, manager, clerk):
    clerk.user_permissions.add(permission("leads.view_lead"))

    assert client.post(page(clerk, "password"), NEW_PASSWORD).status_code == 302

    clerk.refresh_from_db()
    assert clerk.check_password(NEW_PASSWORD["password1"])


def test_superuser_grants_everything(admin_client, clerk, root, rulers):
    lacked = permission("routing.change_source")

    granted = form_of(clerk, is_superuser="on", groups=[rulers.pk], user_permissions=[lacked.pk])
    assert admin_client.post(page(clerk), granted).status_code == 302
    assert admin_client.post(page(root, "password"), NEW_PASSWORD).status_code == 302
    assert admin_client.post(page(root, "delete"), {"post": "yes"}).status_code == 302

    clerk.refresh_from_db()
    assert clerk.is_superuser and list(clerk.groups.all()) == [rulers]
    assert names(clerk.user_permissions) == {"change_source"}
    assert not User.objects.filter(pk=root.pk).exists()


def test_deletion_of_a_user_does_not_list_the_leads_they_edited(client, clerk):
    client.force_login(staff("auth.view_user", "auth.delete_user"))
    lead = Lead(name="Zoe Planted")
    LogEntry.objects.log_actions(clerk.pk, [lead], CHANGE, change_message="x", single_object=True)
    chosen = {"action": "delete_selected", "_selected_action": [clerk.pk]}

    for response in (client.get(page(clerk, "delete")), client.post(USERS, chosen)):
        assert response.status_code == 200
        assert "clerk" in response.content.decode()
        assert "Zoe Planted" not in response.content.decode()

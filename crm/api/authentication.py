"""Who is asking: `Authorization: Bearer <key>`, and what the key may do."""

import hmac
from datetime import timedelta

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission

from crm.models import ApiKey, Scope
from crm.services import hash_key

#: "Last used" is for the supervisor who wonders whether a key is still in use: the hour is enough.
LAST_USED_STEP = timedelta(hours=1)


class KeyAuthentication(BaseAuthentication):
    """Sets ``request.auth`` to the ApiKey, with its source."""

    def authenticate(self, request):
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Use Authorization: Bearer, then the key.")
        api_key = self._find(key.strip())
        if not api_key.source.is_active:
            raise PermissionDenied("The source of this key is switched off.")
        self._note_use(api_key)
        return None, api_key

    def authenticate_header(self, request):
        return 'Bearer realm="api"'

    def _find(self, key: str) -> ApiKey:
        word, _, rest = key.partition("_")
        prefix = rest.partition("_")[0]
        found = ApiKey.objects.select_related("source").filter(prefix=prefix, revoked_at=None).first()
        # Compared in constant time, though it is a hash: then there is nothing to think about.
        if word != "crm" or found is None or not hmac.compare_digest(found.key_hash, hash_key(key)):
            raise AuthenticationFailed("This key is not known, or was revoked.")
        return found

    def _note_use(self, api_key: ApiKey) -> None:
        now = timezone.now()
        if api_key.last_used_at is None or now - api_key.last_used_at > LAST_USED_STEP:
            ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)


class HasScope(BasePermission):
    """A key may do what its view's ``scopes`` ask for the method; where they ask nothing, everything needs `full`."""

    message = "This needs a key with the scope full."

    def has_permission(self, request, view):
        if request.auth is None:
            return False
        if request.method not in view.allowed_methods:
            # The view will answer that it does not take the method; no other key would change that.
            return True
        return request.auth.scope in (view.scopes.get(request.method, Scope.FULL), Scope.FULL)


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}

"""Who is asking: `Authorization: Bearer <key>`, and what the key may do."""

import hmac
import time
from datetime import timedelta

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission

from crm.keys import hash_key
from crm.models import ApiKey, Scope

#: "Last used" is for the supervisor who wonders whether a key is still in use: the hour is enough.
LAST_USED_STEP = timedelta(hours=1)
#: So long a process remembers a key: to look it up costs as much as all the rest of a refused request.
REMEMBER_SECONDS = 2.0
#: By the keys' hashes: the keys and when they were looked up.
_known_keys: dict[str, tuple[ApiKey, float]] = {}


class KeyAuthentication(BaseAuthentication):
    """Set ``request.auth`` to the ApiKey, with its source."""

    def authenticate(self, request):
        api_key = api_key_of(request)
        return api_key and (None, api_key)

    def authenticate_header(self, request):
        return 'Bearer realm="api"'


def api_key_of(request) -> ApiKey | None:
    """Return the key that a request carries, with its source; None if it carries none.

    Raises AuthenticationFailed for a key that is unknown or revoked, PermissionDenied if its source is switched off.
    Both, and a change of the source's settings, take effect within REMEMBER_SECONDS.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer":
        raise AuthenticationFailed("Use Authorization: Bearer, then the key.")
    api_key = _remembered(key.strip())
    if not api_key.source.is_active:
        raise PermissionDenied("The source of this key is switched off.")
    return api_key


def _remembered(key: str) -> ApiKey:
    key_hash = hash_key(key)
    found, looked_up_at = _known_keys.get(key_hash, (None, -REMEMBER_SECONDS))
    now = time.monotonic()
    if now - looked_up_at < REMEMBER_SECONDS:
        return found
    # Dropped first: what is unknown must not fill the memory, and what was revoked must not stay in it.
    _known_keys.pop(key_hash, None)
    found = _find(key, key_hash)
    _note_use(found)
    _known_keys[key_hash] = found, now
    return found


def _find(key: str, key_hash: str) -> ApiKey:
    word, _, rest = key.partition("_")
    prefix = rest.partition("_")[0]
    found = ApiKey.objects.select_related("source").filter(prefix=prefix, revoked_at=None).first()
    # Compared in constant time, though it is a hash: then there is nothing to think about.
    if word != "crm" or found is None or not hmac.compare_digest(found.key_hash, key_hash):
        raise AuthenticationFailed("This key is not known, or was revoked.")
    return found


def _note_use(api_key: ApiKey) -> None:
    now = timezone.now()
    # Also when it lies ahead: the clock was set back since.
    if api_key.last_used_at is None or abs(now - api_key.last_used_at) > LAST_USED_STEP:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)
        api_key.last_used_at = now


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

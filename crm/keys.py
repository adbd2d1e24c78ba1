"""API keys: made, shown once, and recognised by their hash."""

import hashlib
import secrets

from routing.models import Source

from .models import ApiKey, Scope


def create_key(source: Source, *, name: str, scope: str = Scope.INTAKE) -> tuple[ApiKey, str]:
    """Create an API key of a source. Return its row and the key itself, which cannot be had again."""
    prefix, key = _new_secret()
    return ApiKey.objects.create(source=source, name=name, scope=scope, prefix=prefix, key_hash=hash_key(key)), key


def rotate_key(api_key: ApiKey) -> str:
    """Give an API key a new secret, and return it; it cannot be had again. The old one is refused within seconds.

    It stays the same key: idempotency keys that came with it before are still repeated.
    """
    prefix, key = _new_secret()
    api_key.prefix, api_key.key_hash = prefix, hash_key(key)
    api_key.save(update_fields=["prefix", "key_hash"])
    return key


def _new_secret() -> tuple[str, str]:
    """Return a prefix to find a key by, and the key."""
    prefix = secrets.token_hex(4)
    return prefix, f"crm_{prefix}_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    # The key is 32 random bytes: there is no dictionary to try, so a fast hash is the right one.
    return hashlib.sha256(key.encode()).hexdigest()

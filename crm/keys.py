"""API keys: made, shown once, and recognised by their hash."""

import hashlib
import secrets

from routing.models import Source

from .models import ApiKey, Scope


def create_key(source: Source, *, name: str, scope: str = Scope.INTAKE) -> tuple[ApiKey, str]:
    """Create an API key of a source. Return its row and the key itself, which cannot be had again."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = f"crm_{prefix}_{secret}"
    return ApiKey.objects.create(source=source, name=name, scope=scope, prefix=prefix, key_hash=hash_key(key)), key


def hash_key(key: str) -> str:
    # The key is 32 random bytes: there is no dictionary to try, so a fast hash is the right one.
    return hashlib.sha256(key.encode()).hexdigest()

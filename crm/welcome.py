"""What the one who starts the house is told: where the admin is, with what login, an API key and a request to paste.

Password and key are kept readable beside the embedded database, for their owner alone, to be told again next time.
"""

import json
import secrets
from pathlib import Path

from django.contrib.auth import get_user_model

from routing.queries import active_sources
from store.files import write_file

from .keys import create_key, hash_key
from .models import ApiKey, Scope

ADMIN = "admin"
#: The source whose key is told, when there is one; else the first.
SHOWN_SOURCE = "site"

SAMPLE = {
    "email": "ann@example.com",
    "phone": "+7 999 123-45-67",
    "name": "Ann Lee",
    "message": "Need urgent pricing for 50 seats ASAP!",
}


def ensure_admin(folder: Path) -> str | None:
    """The password of the user `admin`, made with the first superuser. None once it is no longer the one we made."""
    users, kept = get_user_model().objects, folder / "admin_password"
    if not users.filter(is_superuser=True).exists():
        password = secrets.token_urlsafe(9)
        keep(kept, password)
        users.create_superuser(ADMIN, password=password)
        return password
    admin = users.filter(username=ADMIN, is_active=True).first()
    password = read_kept(kept)
    return password if admin and password and admin.check_password(password) else None


def ensure_key(folder: Path) -> str | None:
    """A valid key of a source, the same one as last time if it still is. None while there is no source."""
    kept = folder / "api_key"
    key = read_kept(kept)
    valid = ApiKey.objects.filter(revoked_at=None, source__is_active=True)
    if key and valid.filter(key_hash=hash_key(key)).exists():
        return key
    sources = active_sources().order_by("pk")
    source = sources.filter(slug=SHOWN_SOURCE).first() or sources.first()
    if source is None:
        return None
    _, key = create_key(source, name="make run", scope=Scope.FULL)
    keep(kept, key)
    return key


def keep(path: Path, secret: str) -> None:
    """Write a secret to a file that only this user of the machine can read. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, secret.encode(), mode=0o600)


def read_kept(path: Path) -> str:
    """Return the secret in a file; empty when there is none, or the file is damaged."""
    return path.read_text(errors="replace").strip() if path.exists() else ""


def banner(*, url: str, password: str | None, key: str | None) -> str:
    """The lines to print. The request carries a new idempotency key each time: sent twice, it is answered twice."""
    login = f"{ADMIN} / {password}" if password else f"the one you set (forgotten: manage.py changepassword {ADMIN})"
    lines = ["", f"Admin    {url}/admin/", f"Login    {login}", f"API      {url}/api/docs"]
    if key:
        lines += [f"API key  {key}", "", "Paste this; paste it again for the same answer:", "", curl(url=url, key=key)]
        lines += ["", "Its insight, a moment later (the id is in the answer):", ""]
        lines += [f"curl {url}/api/v1/inquiries/ID/insight -H 'Authorization: Bearer {key}'"]
    return "\n".join([*lines, "", "Ctrl-C ends it. Nothing is lost.", ""])


def curl(*, url: str, key: str) -> str:
    """A request that works when pasted into a shell."""
    return (
        f"curl -i {url}/api/v1/inquiries"
        f" \\\n  -H 'Authorization: Bearer {key}'"
        f" \\\n  -H 'Content-Type: application/json'"
        f" \\\n  -H 'Idempotency-Key: try-{secrets.token_hex(4)}'"
        f" \\\n  -d '{json.dumps(SAMPLE)}'"
    )

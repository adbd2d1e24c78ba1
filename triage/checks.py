"""Settings of triage that are well formed and still wrong: better found at the start than by the first P0."""

from importlib.util import find_spec
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from .analyzers.model import model as shipped_model
from .analyzers.registry import versions
from .services.alerts import signing_key


@register
def check_alert_emails(app_configs, **kwargs):
    wrong = [address for address in settings.ALERT_EMAILS if not _is_email(address)]
    found = [
        Error(
            f"ALERT_EMAILS holds {address!r}, which is no e-mail address.",
            hint="Addresses, separated by commas: sue@example.com,duty@example.com",
            id="triage.E001",
        )
        for address in wrong
    ]
    if settings.ALERT_EMAILS and not settings.EMAIL_URL:
        message = "ALERT_EMAILS is set and EMAIL_URL is not: alerts are printed, not sent."
        found.append(Warning(message, hint="EMAIL_URL=smtp+tls://user:password@host:587", id="triage.W001"))
    return found


@register
def check_alert_webhook(app_configs, **kwargs):
    url, secrets = settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET
    hint = "A secret is whsec_ and the base64 of 24 to 64 random bytes; .env.example shows how to make one."
    if url and not secrets:
        return [Error("ALERT_WEBHOOK_URL is set, and ALERT_WEBHOOK_SECRET is not.", hint=hint, id="triage.E002")]
    if not all(map(_is_secret, secrets)):
        # Not the value itself: it is a secret, if a broken one.
        return [Error("ALERT_WEBHOOK_SECRET cannot be read.", hint=hint, id="triage.E003")]
    if secrets and not url:
        message = "ALERT_WEBHOOK_SECRET is set, and ALERT_WEBHOOK_URL is not: no webhook is called."
        return [Warning(message, hint="Set both, or neither.", id="triage.W002")]
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        message = "ALERT_WEBHOOK_URL begins with http://: whoever is on the way can read the alerts."
        return [Warning(message, hint="Use https://.", id="triage.W003")]
    return []


@register
def check_training(app_configs, **kwargs):
    if not settings.RETRAIN_NIGHTLY or find_spec("sklearn"):
        return []
    message = "RETRAIN_NIGHTLY is on, and scikit-learn is not installed: nothing will be learnt from corrections."
    return [Warning(message, hint="pip install -r requirements-train.txt", id="triage.W004")]


@register
def check_model(app_configs, **kwargs):
    """A model learnt from corrections was judged against the one that shipped then, not against today's."""
    chosen = versions().chosen()
    made = next((making for making in versions().all() if making.version == chosen), None)
    if made is None or made.shipped == shipped_model().version:
        return []
    message = f"Version {chosen} of the reader's model is older than the one that ships with the project now."
    hint = "Run `manage.py analyzers compare`, and `manage.py retrain` to learn from the corrections anew."
    return [Warning(message, hint=hint, id="triage.W005")]


def _is_email(address):
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def _is_secret(word):
    try:
        return 24 <= len(signing_key(word)) <= 64
    except ValueError:
        return False

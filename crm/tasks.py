"""What beat asks for from time to time."""

from celery import shared_task
from django.utils import timezone

from . import idempotency


@shared_task(name="crm.forget_expired_keys", queue="upkeep")
def forget_expired_keys() -> int:
    """Delete the answered requests nobody may repeat any more."""
    return idempotency.forget_expired_keys(now=timezone.now())

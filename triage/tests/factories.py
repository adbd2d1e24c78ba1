"""Inquiries that are to be read."""

from datetime import timedelta

import factory
from django.db.models.functions import Now

from leads.tests.factories import InquiryFactory
from triage.models import Job


class JobFactory(factory.django.DjangoModelFactory):
    """Due, and claimed by nobody yet."""

    inquiry = factory.SubFactory(InquiryFactory)
    content_hash = factory.SelfAttribute("inquiry.content_hash")
    created_at = factory.SelfAttribute("inquiry.created_at")
    # The database's clock, which is the one that claims go by.
    due_at = factory.LazyFunction(lambda: Now() - timedelta(seconds=1))

    class Meta:
        model = Job

"""Those who write to us: Pat Lee, and Max Orlov, who has nothing to do with Pat."""

import factory
from django.utils import timezone

from leads.identity import content_hash
from leads.models import Identity, Inquiry, Lead
from routing.tests.factories import SourceFactory


class LeadFactory(factory.django.DjangoModelFactory):
    """``contacts`` are (kind, value) pairs: ``LeadFactory(contacts=[("email", "pat@example.com")])``."""

    name = "Pat Lee"
    created_at = factory.LazyFunction(timezone.now)

    class Meta:
        model = Lead
        skip_postgeneration_save = True

    @factory.post_generation
    def contacts(lead, create, contacts):  # noqa: N805 - factory-boy gives it the lead.
        for kind, value in contacts or ():
            Identity.objects.create(lead=lead, kind=kind, value=value)


class InquiryFactory(factory.django.DjangoModelFactory):
    """Waiting, unless it is given an operator or a time of resolution."""

    lead = factory.SubFactory(LeadFactory)
    source = factory.SubFactory(SourceFactory)
    message = "Do you have a price list?"
    content_hash = factory.LazyAttribute(lambda inquiry: content_hash(inquiry.message))
    created_at = factory.LazyFunction(timezone.now)
    operator = None
    resolved_at = None
    assigned_at = factory.LazyAttribute(lambda inquiry: inquiry.operator and inquiry.created_at)

    class Meta:
        model = Inquiry

    @factory.lazy_attribute
    def waiting_reason(self):
        return "" if self.operator or self.resolved_at else "all_full"

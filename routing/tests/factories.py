"""The cast: Anna, Boris and Clara answer what comes through the site."""

import factory

from routing.models import Operator, Source, Weight


class OperatorFactory(factory.django.DjangoModelFactory):
    name = factory.Iterator(["Anna", "Boris", "Clara"])
    max_load = 10

    class Meta:
        model = Operator


class SourceFactory(factory.django.DjangoModelFactory):
    """``weights`` are the operators with their shares: ``SourceFactory(weights={anna: 3, boris: 1})``."""

    slug = factory.Sequence(lambda n: f"site-{n}" if n else "site")
    name = factory.LazyAttribute(lambda source: source.slug.title())

    class Meta:
        model = Source
        skip_postgeneration_save = True

    @factory.post_generation
    def weights(source, create, weights):  # noqa: N805 - factory-boy gives it the source.
        for operator, weight in (weights or {}).items():
            Weight.objects.create(source=source, operator=operator, weight=weight)

"""Which analyzer reads: the TRIAGE_ANALYZER setting, a word of the house or the dotted path of a class."""

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .base import Analyzer

HOUSE = {
    "rules": "triage.analyzers.rules.RulesAnalyzer",
}


@cache
def get_analyzer() -> Analyzer:
    """The analyzer of this process, built once. Raises ImproperlyConfigured, naming the setting."""
    name = settings.TRIAGE_ANALYZER
    path = HOUSE.get(name, name)
    try:
        return import_string(path)()
    except ImportError as error:
        words = ", ".join(HOUSE)
        raise ImproperlyConfigured(
            f"TRIAGE_ANALYZER is {name!r}; it must be one of {words}, or the dotted path of a class ({error})."
        ) from error

"""Which analyzer reads: the TRIAGE_ANALYZER setting, a word of the house or the dotted path of a class."""

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .base import Analyzer
from .openai import OpenAIAnalyzer
from .rules import RulesAnalyzer


@cache
def offline_reader() -> Analyzer:
    """The house's own reader, built once a process. It reads in the place of those that cannot be had."""
    return RulesAnalyzer()


def _openai() -> Analyzer:
    return OpenAIAnalyzer(
        base_url=settings.OPENAI_BASE_URL,
        api_key=settings.OPENAI_API_KEY,
        model=settings.OPENAI_MODEL,
        offline=offline_reader(),
        sends_private=settings.OPENAI_SEND_PII,
        seconds=settings.OPENAI_TIMEOUT_SECONDS,
    )


HOUSE = {"rules": offline_reader, "openai": _openai}


@cache
def get_analyzer() -> Analyzer:
    """The analyzer of this process, built once. Raises ImproperlyConfigured, naming the setting."""
    name = settings.TRIAGE_ANALYZER
    if name in HOUSE:
        return HOUSE[name]()
    try:
        return import_string(name)()
    except ImportError as error:
        words = ", ".join(HOUSE)
        raise ImproperlyConfigured(
            f"TRIAGE_ANALYZER is {name!r}; it must be one of {words}, or the dotted path of a class ({error})."
        ) from error

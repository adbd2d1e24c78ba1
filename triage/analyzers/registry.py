"""Which analyzer reads: the TRIAGE_ANALYZER setting, a word of the house or the dotted path of a class."""

import logging
from functools import cache, lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .base import Analyzer
from .openai import OpenAIAnalyzer
from .rules import RulesAnalyzer
from .versions import NoSuchVersion, Versions

logger = logging.getLogger(__name__)

OFFLINE = "rules"


def offline_reader() -> Analyzer:
    """The house's own reader, with the version of its model that is chosen now: a new choice needs no restart.

    It reads in the place of those that cannot be had.
    """
    return _offline_reader(versions().chosen())


@lru_cache(maxsize=2)
def _offline_reader(version: str) -> Analyzer:
    try:
        return versions().reader(version)
    except NoSuchVersion:
        # Better read by the one that ships than not at all. Said once: the answer is kept.
        logger.error("Version %s of the reader's model cannot be read; the shipped one is used.", version)
        return RulesAnalyzer()


def versions() -> Versions:
    """The versions of the offline reader's model."""
    return Versions(settings.MODELS_DIR)


def _openai() -> Analyzer:
    return OpenAIAnalyzer(
        base_url=settings.OPENAI_BASE_URL,
        api_key=settings.OPENAI_API_KEY,
        model=settings.OPENAI_MODEL,
        offline=offline_reader,
        sends_private=settings.OPENAI_SEND_PII,
        seconds=settings.OPENAI_TIMEOUT_SECONDS,
    )


HOUSE = {OFFLINE: offline_reader, "openai": _openai}


def get_analyzer() -> Analyzer:
    """The analyzer of this process. Raises ImproperlyConfigured, naming the setting."""
    return offline_reader() if settings.TRIAGE_ANALYZER == OFFLINE else built_analyzer()


@cache
def built_analyzer() -> Analyzer:
    """The analyzer that the setting names, built once a process. Raises ImproperlyConfigured, naming the setting."""
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

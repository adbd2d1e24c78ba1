"""The desk's pages of people, operators and sources."""

from . import assignments, draining, people

__all__ = ["assignments", "draining", "people"]

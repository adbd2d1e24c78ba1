"""The desk's pages that cross the apps: inquiries with their insights, and who may come in."""

from . import access, inquiries, people

__all__ = ["access", "inquiries", "people"]

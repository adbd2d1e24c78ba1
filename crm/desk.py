"""The desk: the admin site the supervisor lives in."""

from unfold.sites import UnfoldAdminSite


class Desk(UnfoldAdminSite):
    pass

"""What can be done with leads and inquiries."""

from .assigning import Dice, assign_waiting, open_inquiry
from .audit import Violation, violations
from .inquiries import (
    InquiryResolved,
    NobodyElse,
    NobodyHoldsIt,
    NotResolved,
    OperatorFull,
    accept_inquiry,
    give_inquiry,
    reopen_inquiry,
    reroute_inquiry,
    resolve_inquiry,
    take_back_inquiry,
)
from .operators import lock_operators, return_inquiries
from .people import ContactTaken, recognise_lead

__all__ = [
    "ContactTaken",
    "Dice",
    "InquiryResolved",
    "NobodyElse",
    "NobodyHoldsIt",
    "NotResolved",
    "OperatorFull",
    "Violation",
    "accept_inquiry",
    "assign_waiting",
    "give_inquiry",
    "lock_operators",
    "open_inquiry",
    "recognise_lead",
    "reopen_inquiry",
    "reroute_inquiry",
    "resolve_inquiry",
    "return_inquiries",
    "take_back_inquiry",
    "violations",
]

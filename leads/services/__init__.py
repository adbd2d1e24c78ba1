"""What can be done with leads and inquiries."""

from .assigning import (
    Dice,
    InquiryResolved,
    NobodyElse,
    OperatorFull,
    assign_waiting,
    give_inquiry,
    lock_operators,
    open_inquiry,
    reroute_inquiry,
    resolve_inquiry,
)
from .people import ContactTaken, recognise_lead

__all__ = [
    "ContactTaken",
    "Dice",
    "InquiryResolved",
    "NobodyElse",
    "OperatorFull",
    "assign_waiting",
    "give_inquiry",
    "lock_operators",
    "open_inquiry",
    "recognise_lead",
    "reroute_inquiry",
    "resolve_inquiry",
]

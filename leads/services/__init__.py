"""What can be done with leads and inquiries."""

from .assigning import AT_ONCE, Rng, assign_waiting, open_inquiry
from .audit import Violation, check_routing, violations
from .inquiries import (
    InquiryResolved,
    NobodyElse,
    NobodyHoldsIt,
    NotHeld,
    NotResolved,
    OperatorFull,
    accept_inquiry,
    give_inquiry,
    hold_as_spam,
    own_transaction,
    release_held,
    release_inquiry,
    reopen_inquiry,
    reroute_inquiry,
    resolve_inquiry,
    take_back_inquiry,
)
from .operators import lock_operators, return_inquiries
from .people import ContactTaken, recognise_lead

__all__ = [
    "AT_ONCE",
    "ContactTaken",
    "Rng",
    "InquiryResolved",
    "NobodyElse",
    "NobodyHoldsIt",
    "NotHeld",
    "NotResolved",
    "OperatorFull",
    "Violation",
    "accept_inquiry",
    "assign_waiting",
    "check_routing",
    "give_inquiry",
    "hold_as_spam",
    "lock_operators",
    "open_inquiry",
    "own_transaction",
    "recognise_lead",
    "release_held",
    "release_inquiry",
    "reopen_inquiry",
    "reroute_inquiry",
    "resolve_inquiry",
    "return_inquiries",
    "take_back_inquiry",
    "violations",
]

"""What can be done with leads and inquiries."""

from .assigning import ASSIGNED_AT_ONCE, NewInquiry, Rng, assign_waiting, open_inquiries
from .audit import Violation, check_routing, violations
from .claims import confirm_claims
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
from .recognition import RecognisedLead, Recognition, is_contact_taken

__all__ = [
    "ASSIGNED_AT_ONCE",
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
    "confirm_claims",
    "give_inquiry",
    "hold_as_spam",
    "lock_operators",
    "NewInquiry",
    "open_inquiries",
    "own_transaction",
    "RecognisedLead",
    "Recognition",
    "is_contact_taken",
    "release_held",
    "release_inquiry",
    "reopen_inquiry",
    "reroute_inquiry",
    "resolve_inquiry",
    "return_inquiries",
    "take_back_inquiry",
    "violations",
]

"""What came of steering an inquiry: one call to the service, and its outcome in words."""

import random

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import Error
from django.utils import timezone
from django.utils.translation import ngettext

from leads.models import Inquiry
from leads.services import (
    InquiryResolved,
    NobodyElse,
    NobodyHoldsIt,
    NotHeld,
    NotResolved,
    OperatorFull,
    accept_inquiry,
    give_inquiry,
    release_inquiry,
    reopen_inquiry,
    reroute_inquiry,
    resolve_inquiry,
)
from routing.models import Operator
from store.errors import is_passing


def resolve(pk, *, by):
    """Gives what came of it: a key of OUTCOMES."""
    return _steer("resolved", resolve_inquiry, pk, by=by)


def accept(pk):
    return _steer("accepted", accept_inquiry, pk)


def reopen(pk, *, by):
    return _steer("reopened", reopen_inquiry, pk, by=by)


def release(pk, *, by):
    return _steer("released", release_inquiry, pk, by=by)


def reroute(pk, *, by):
    return _steer("rerouted", reroute_inquiry, pk, by=by)


def give(pk, *, operator, override, by):
    return _steer("given", give_inquiry, pk, operator, override=override, by=by)


def _steer(done, service, *args, **kwargs):
    if service is not accept_inquiry:
        kwargs["rng"] = random.random
    try:
        is_done = service(*args, now=timezone.now(), **kwargs)
    except InquiryResolved:
        return "resolved_before"
    except NotResolved:
        return "open_already"
    except NotHeld:
        return "not_held"
    except NobodyHoldsIt:
        return "nobody_holds"
    except NobodyElse:
        return "nobody_else"
    except OperatorFull:
        return "full"
    except (Inquiry.DoesNotExist, Operator.DoesNotExist, ValidationError):
        return "gone"
    except Error as error:
        if not is_passing(error):
            raise
        return "busy"
    return NOT_DONE[service] if is_done is False else done


#: What it means when a service says False: it already was so, or nobody was free.
NOT_DONE = {resolve_inquiry: "resolved_before", accept_inquiry: "accepted_before", release_inquiry: "waits_again"}


OUTCOMES = {
    "resolved": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry resolved.", "%(count)d inquiries resolved.", n),
    ),
    "rerouted": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry re-routed.", "%(count)d inquiries re-routed.", n),
    ),
    "given": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry handed over.", "%(count)d inquiries handed over.", n),
    ),
    "reopened": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry reopened.", "%(count)d inquiries reopened.", n),
    ),
    "released": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry given out.", "%(count)d inquiries given out.", n),
    ),
    "accepted": (
        messages.SUCCESS,
        lambda n: ngettext("%(count)d inquiry accepted.", "%(count)d inquiries accepted.", n),
    ),
    "accepted_before": (
        messages.INFO,
        lambda n: ngettext("%(count)d already was accepted.", "%(count)d already were accepted.", n),
    ),
    "nobody_holds": (
        messages.WARNING,
        lambda n: ngettext(
            "%(count)d waits: nobody holds it who could accept it.",
            "%(count)d wait: nobody holds them who could accept them.",
            n,
        ),
    ),
    "waits_again": (
        messages.SUCCESS,
        lambda n: ngettext(
            "%(count)d waits for an operator, like any other.", "%(count)d wait for an operator, like any other.", n
        ),
    ),
    "not_held": (
        messages.INFO,
        lambda n: ngettext("%(count)d was not held back.", "%(count)d were not held back.", n),
    ),
    "open_already": (
        messages.INFO,
        lambda n: ngettext("%(count)d already was open.", "%(count)d already were open.", n),
    ),
    "resolved_before": (
        messages.INFO,
        lambda n: ngettext("%(count)d already was resolved.", "%(count)d already were resolved.", n),
    ),
    "nobody_else": (
        messages.WARNING,
        lambda n: ngettext(
            "%(count)d stays where it is: nobody else could take it.",
            "%(count)d stay where they are: nobody else could take them.",
            n,
        ),
    ),
    "full": (
        messages.ERROR,
        lambda n: ngettext(
            "%(count)d stays where it is: the operator has become full.",
            "%(count)d stay where they are: the operator has become full.",
            n,
        ),
    ),
    "gone": (
        messages.WARNING,
        lambda n: ngettext("%(count)d is not there any more.", "%(count)d are not there any more.", n),
    ),
    "busy": (
        messages.ERROR,
        lambda n: ngettext(
            "%(count)d was left as it is: the database was busy. Try again.",
            "%(count)d were left as they are: the database was busy. Try again.",
            n,
        ),
    ),
}

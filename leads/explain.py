"""A decision record in words: why this operator, or why nobody.

The record is what routing.choice.Decision.as_record stored; it is read with care, because it may be older than this
code. A sentence names no pronoun, so that it is true of everybody in both languages.
"""

from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_lazy, ngettext

from routing.choice import ONE, Reason, Verdict, replay
from routing.theme import figure, short_time
from routing.whatif import Change, counterfactuals

from .models import Assignment

#: More of them make no sentence; the table has them all.
NAMED = 3

VERDICTS = {
    Verdict.CHOSEN: gettext_lazy("chosen"),
    Verdict.NOT_THEIR_TURN: gettext_lazy("not their turn"),
    Verdict.NO_WEIGHT: gettext_lazy("weight 0"),
    Verdict.OFF_DUTY: gettext_lazy("off duty"),
    Verdict.ABSENT: gettext_lazy("on leave"),
    Verdict.OFF_SHIFT: gettext_lazy("off shift"),
    Verdict.PASSED_ON: gettext_lazy("had it before"),
    Verdict.FULL: gettext_lazy("full"),
}

#: Those that a sentence mentions: they could have been expected to take it.
TELLING = (Verdict.FULL, Verdict.OFF_SHIFT, Verdict.ABSENT, Verdict.OFF_DUTY, Verdict.PASSED_ON)


def sentence(assignment: Assignment) -> str:
    """Why this operator, in a sentence or two: "Anna: next by share. Boris: full (3 of 3)."."""
    candidates = assignment.decision.get("candidates", [])
    said = [_why_chosen(assignment, candidates)]
    if assignment.note:
        said.append(gettext("Reason given: “%(note)s”.") % {"note": assignment.note})
    return " ".join(said + _why_not_others(candidates))


def operator_name(assignment: Assignment) -> str:
    """Who it was, also after they were deleted: the record remembers the name."""
    if assignment.operator_id:
        return str(assignment.operator)
    chosen = assignment.decision.get("chosen")
    names = [c.get("name", "") for c in assignment.decision.get("candidates", []) if c.get("id") == chosen]
    return names[0] if names else "—"


def candidate_table(assignment: Assignment) -> str:
    """All candidates as the choice saw them."""
    rows = [_row(candidate) for candidate in assignment.decision.get("candidates", [])]
    rows.sort(key=lambda row: (not row["is_chosen"], row["name"]))
    return render_to_string("desk/candidates.html", {"rows": rows, "changes": changes_in_words(assignment)})


def changes_in_words(assignment: Assignment) -> list[str]:
    """What would have chosen somebody else, the smallest change first: "Boris: with a limit of 4 instead of 3 …"."""
    try:
        decision = replay(assignment.decision)
    except (KeyError, TypeError, ValueError):
        # Written by another version of the choice: then there is nothing to try it with.
        return []
    names = {candidate.id: candidate.name for candidate in decision.candidates}
    return [_change_in_words(change, names) for change in counterfactuals(decision)[:NAMED]]


def _change_in_words(change: Change, names: dict[int, str]) -> str:
    words = {
        "chosen": names[change.chosen_id],
        "name": names[change.operator_id],
        "before": change.before,
        "after": change.after,
    }
    if change.field == "max_load":
        return gettext("%(chosen)s: with a limit of %(after)s instead of %(before)s for %(name)s.") % words
    if change.field == "weight":
        return gettext("%(chosen)s: with a weight of %(after)s instead of %(before)s for %(name)s.") % words
    if change.after:
        return gettext("%(chosen)s: had %(name)s been away.") % words
    return gettext("%(chosen)s: had %(name)s been at work.") % words


def _why_chosen(assignment: Assignment, candidates: list[dict]) -> str:
    reason, chosen = assignment.reason, assignment.decision.get("chosen")
    candidate = next((c for c in candidates if c.get("id") == chosen), None)
    if candidate is None:
        return gettext("Nobody: %(reason)s.") % {"reason": assignment.get_reason_display()}
    words = {
        "name": candidate["name"],
        "open": candidate["open_count"],
        "limit": candidate["max_load"],
        "behind": figure(_behind(candidate, assignment.decision.get("step", 0)), places=1),
        "percent": _chance(candidate, candidates),
        "by": assignment.assigned_by or gettext("a supervisor"),
    }
    eligible = [c for c in candidates if c.get("verdict") in (Verdict.CHOSEN, Verdict.NOT_THEIR_TURN)]
    if reason in (Reason.FAIR, Reason.RANDOM, Reason.LEAST_LOADED) and len(eligible) == 1:
        return gettext("%(name)s: the only one who could take it.") % words
    return _for_reason(reason) % words


def _for_reason(reason: str) -> str:
    return {
        Reason.FAIR: gettext("%(name)s: next by share, %(behind)s of an inquiry behind."),
        Reason.RANDOM: gettext("%(name)s: drawn by lot with a chance of %(percent)s%%."),
        Reason.LEAST_LOADED: gettext("%(name)s: had the most room, %(open)s of %(limit)s taken."),
        Reason.STICKY: gettext("%(name)s: the lead’s last operator."),
        Reason.MANUAL: gettext("%(name)s: chosen by hand by %(by)s."),
    }.get(reason, "%(name)s.")


def _behind(candidate: dict, step: int) -> float:
    """How far behind their share the candidate was, this inquiry included."""
    return (candidate["due"] + candidate["weight"] * step) / ONE - candidate["received_count"]


def _chance(candidate: dict, candidates: list[dict]) -> int:
    drawn = [c for c in candidates if c.get("verdict") in (Verdict.CHOSEN, Verdict.NOT_THEIR_TURN)]
    return round(100 * candidate["weight"] / (sum(c["weight"] for c in drawn) or 1))


def _why_not_others(candidates: list[dict]) -> list[str]:
    telling = [c for c in candidates if c.get("verdict") in TELLING]
    said = [f"{c['name']}: {verdict_words(c)}." for c in telling[:NAMED]]
    if (more := len(telling) - NAMED) > 0:
        said.append(ngettext("And %(count)d more could not.", "And %(count)d more could not.", more) % {"count": more})
    return said


def verdict_words(candidate: dict) -> str:
    """What became of a candidate: "full (3 of 3)", "off shift until 10:00"."""
    verdict = candidate.get("verdict", "")
    words = str(VERDICTS.get(verdict, verdict))
    if verdict == Verdict.FULL:
        taken = {"open": candidate["open_count"], "limit": candidate["max_load"]}
        return words + gettext(" (%(open)s of %(limit)s)") % taken
    if verdict in (Verdict.ABSENT, Verdict.OFF_SHIFT) and (back_at := parse_datetime(candidate.get("back_at", ""))):
        return gettext("%(away)s until %(until)s") % {"away": words, "until": short_time(back_at)}
    return words


def _row(candidate: dict) -> dict:
    credit = candidate["due"] / ONE - candidate["received_count"]
    return {
        "name": candidate["name"],
        "weight": candidate["weight"],
        "open_count": candidate["open_count"],
        "max_load": candidate["max_load"],
        "credit": figure(credit, signed=True),
        "verdict": verdict_words(candidate),
        "is_chosen": candidate.get("verdict") == Verdict.CHOSEN,
    }

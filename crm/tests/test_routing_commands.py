from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from leads.models import Assignment, Inquiry

pytestmark = pytest.mark.django_db


def run(*args):
    out = StringIO()
    call_command(*args, stdout=out, stderr=StringIO())
    return out.getvalue()


def found_by_the_check():
    with pytest.raises(CommandError):
        run("checkrouting")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("checkrouting", stdout=out)
    return {line.partition(":")[0] for line in out.getvalue().splitlines()}


def fill(intake, count=4):
    for number in range(count):
        intake.post({"email": f"lead-{number}@example.com"})


def test_the_check_finds_nothing_where_nothing_is(intake):
    fill(intake)

    assert run("checkrouting").startswith("Nothing found")


def test_the_check_finds_an_inquiry_that_was_given_past_the_service(site, intake):
    fill(intake)
    anna = site.operators.get(name="Anna")
    Inquiry.objects.filter(operator=None).update(operator=anna, assigned_at="2026-01-01T00:00Z", waiting_reason="")

    assert found_by_the_check() == {"unrecorded"}


def test_the_check_finds_one_that_was_given_over_the_limit(intake):
    fill(intake)
    assignment = Assignment.objects.filter(operator__isnull=False).last()
    for candidate in assignment.decision["candidates"]:
        candidate["open_count"] = candidate["max_load"]
    Assignment.objects.filter(pk=assignment.pk).update(decision=assignment.decision)

    assert found_by_the_check() == {"over_limit"}


def test_the_check_finds_what_a_choice_that_counted_wrongly_has_done(site, intake, monkeypatch):
    monkeypatch.setattr(
        "leads.services.pool.loads_and_waiting", lambda operators, sources: (dict.fromkeys(operators, 0), False)
    )
    fill(intake)
    monkeypatch.undo()

    assert found_by_the_check() == {"over_limit"}


def test_the_check_finds_one_that_waits_beside_a_free_operator(site, intake):
    fill(intake)
    site.operators.filter(name="Anna").update(max_load=50)

    assert found_by_the_check() == {"waiting_beside_free"}


def test_a_limit_lowered_below_the_load_is_no_violation(site, intake):
    fill(intake)
    site.operators.update(max_load=1)

    assert run("checkrouting").startswith("Nothing found")


def test_the_simulation_shows_shares_and_waiting(site):
    shown = run("simulate", "site", "--inquiries", "200", "--per-hour", "60", "--minutes", "3")

    assert "Anna" in shown and "Boris" in shown and "had to wait" in shown
    assert not Inquiry.objects.exists()


@pytest.mark.parametrize(
    "args", [["nowhere"], ["site", "--inquiries", "0"], ["site", "--per-hour", "0"], ["site", "--minutes", "-5"]]
)
def test_the_simulation_refuses_what_makes_no_sense(site, args):
    with pytest.raises(CommandError, match="site|inquiries|above zero"):
        run("simulate", *args)

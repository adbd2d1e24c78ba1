"""The policy: from an intent and facts to a priority and an action."""

import pytest

from triage.analyzers.base import INTENTS, NEXT_ACTIONS, PRIORITIES
from triage.analyzers.policy import NEXT_ACTION, SURE_ENOUGH, next_action_of, priority_of
from triage.analyzers.rules import RulesAnalyzer

READER = RulesAnalyzer()


@pytest.mark.parametrize(
    ("intent", "facts", "priority"),
    [
        ("support", ["outage"], "P0"),
        ("support", ["security"], "P0"),
        ("support", ["data_loss"], "P0"),
        ("support", ["payment_taken"], "P0"),
        ("complaint", ["injury"], "P0"),
        ("complaint", ["legal_threat"], "P0"),
        ("buy", ["urgent", "budget"], "P0"),
        ("buy", ["urgent", "enterprise"], "P0"),
        ("buy", ["call_now", "urgent"], "P0"),
        ("buy", ["urgent"], "P1"),
        ("buy", ["budget"], "P1"),
        ("buy", ["quantity"], "P1"),
        ("buy", ["deadline"], "P1"),
        ("buy", ["demo"], "P1"),
        ("buy", ["callback"], "P1"),
        ("support", ["blocks_work"], "P1"),
        ("complaint", ["deadline"], "P1"),
        ("complaint", ["repeat_contact"], "P1"),
        ("buy", [], "P2"),
        ("support", [], "P2"),
        ("complaint", [], "P2"),
        ("partnership", [], "P2"),
        ("info", [], "P3"),
        ("job", [], "P3"),
        ("other", [], "P3"),
        ("spam", ["urgent", "money"], "P3"),
        ("info", ["money", "deadline"], "P3"),
    ],
)
def test_facts_decide_the_priority(intent, facts, priority):
    assert priority_of(intent, dict.fromkeys(facts))[0] == priority


def test_the_facts_that_raised_it_are_named():
    assert priority_of("buy", dict.fromkeys(["urgent", "money", "deadline"])) == ("P0", ("urgent", "money"))


def test_every_intent_and_priority_has_an_action():
    assert set(NEXT_ACTION) == set(INTENTS)
    assert all(set(actions) == set(PRIORITIES) for actions in NEXT_ACTION.values())
    assert {action for actions in NEXT_ACTION.values() for action in actions.values()} <= set(NEXT_ACTIONS)


def test_doubt_asks_for_a_person_instead_of_guessing():
    assert next_action_of("buy", "P1", SURE_ENOUGH) == "schedule_demo"
    assert next_action_of("buy", "P1", SURE_ENOUGH - 0.01) == "qualify"


def test_spam_that_shows_any_sign_of_buying_is_never_ignored():
    assert next_action_of("spam", "P3", 0.99) == "ignore"
    assert next_action_of("spam", "P3", 0.99, shows_buying=True) == "qualify"


@pytest.mark.parametrize(
    ("text", "priority", "tag"),
    [
        ("Our whole system is down, nobody can work, please help", "P0", "outage"),
        ("Someone hacked my account and changed the password", "P0", "security"),
        ("Списали деньги дважды за заказ 4412, помогите вернуть", "P0", "billing"),
        ("Если не вернете деньги, подам в суд. Отвратительный магазин", "P0", "legal_threat"),
        ("Нужно коммерческое предложение на 300 каталогов до пятницы", "P1", "deadline"),
        ("Can we schedule a demo of the product next week?", "P1", "demo"),
        ("Не могу войти в личный кабинет, забыл пароль", "P1", "account_access"),
    ],
)
def test_a_rule_that_fires_leaves_its_tag_and_its_words(text, priority, tag):
    reading = READER.read(text)

    assert reading.priority == priority
    assert tag in reading.tags
    assert any(evidence.reason == tag for evidence in reading.evidence)
    assert any(evidence.reason == priority for evidence in reading.evidence)

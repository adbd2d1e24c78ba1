"""How a text is cut into words, and how phrases are found among them."""

import pytest

from triage.analyzers.base import INTENTS, TAGS, Context
from triage.analyzers.facts import facts_of
from triage.analyzers.lexicon import Lexicon, lexicon
from triage.analyzers.normalise import EMAIL, MONEY, NUMBER, PHONE, URL, normalise
from triage.analyzers.patterns import Matcher


def words(text):
    return list(normalise(text).words)


def found(phrase, text):
    return [text.split()[first : last + 1] for _, first, last in Matcher([(phrase, "it")]).find(text.split())]


def test_letters_are_made_plain():
    assert words("Ёлка, DON'T ﬁnd «Й»") == ["елка", "dont", "find", "й"]


def test_look_alikes_in_a_russian_word_are_folded_and_noticed():
    message = normalise("Зaрабoтoк без обмана")

    assert message.words == ("заработок", "без", "обмана")
    assert message.mixed == (0,)


def test_look_alikes_in_an_english_word_are_folded_and_noticed():
    message = normalise("Pаypаl аccount")

    assert message.words == ("paypal", "account")
    assert message.mixed == (0, 1)


def test_a_russian_ending_on_a_foreign_name_is_no_disguise():
    assert normalise("вышлите на gmailом через VPNы").mixed == ()


def test_marks_piled_on_letters_are_taken_off():
    assert words("h\u0336e\u0336l\u0336p\u0336 и\u0306од") == ["help", "йод"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("https://example.com/a?b=c", URL),
        ("shop.example.com", URL),
        ("t.me/joinchat/abc", URL),
        ("anna@example.com", EMAIL),
        ("+7 900 123-45-67", PHONE),
        ("$1,500", MONEY),
        ("100 000 руб.", MONEY),
        ("20 тыс рублей", MONEY),
        ("42", NUMBER),
        ("3.5", NUMBER),
    ],
)
def test_links_contacts_and_sums_become_one_word(text, kind):
    assert kind in words(text)


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("how much", "tell me how much it is", [["how", "much"]]),
        ("pric*", "the prices and pricing", [["prices"], ["pricing"]]),
        ("(buy|get me) it", "buy it or get me it", [["buy", "it"], ["get", "me", "it"]]),
        ("need (a|the)? quote", "need quote need a quote", [["need", "quote"], ["need", "a", "quote"]]),
        ("where .. order", "where on earth is order", [["where", "on", "earth", "is", "order"]]),
        ("where .. order", "where on this wide earth is order", []),
        ("not (at (all|first)|ever)", "not at first not ever", [["not", "at", "first"], ["not", "ever"]]),
        ("very much", "very", []),
    ],
)
def test_a_phrase_is_found_where_it_stands(phrase, text, expected):
    assert found(phrase, text) == expected


@pytest.mark.parametrize("phrase", ["(a|b", "a) b", ".. b", "Upper-case", "don't"])
def test_a_phrase_that_could_never_be_found_is_refused(phrase):
    with pytest.raises(ValueError):
        Matcher([(phrase, "it")])


def test_every_rule_speaks_the_taxonomy():
    for rule in lexicon().rules:
        assert rule.intent in ("", *INTENTS)
        assert rule.tag in ("", *TAGS)
        assert rule.intent or rule.tag or rule.fact


def test_a_rule_with_a_slip_in_it_stops_the_start(tmp_path):
    (tmp_path / "bad.toml").write_text('[[rule]]\nid = "x"\nintent = "bye"\nen = ["hi"]\n')

    with pytest.raises(ValueError, match="bad.toml"):
        Lexicon(tmp_path)


def test_an_exception_calls_its_rule_off():
    message = normalise("ищу адвоката, дело в суде")

    assert "legal_threat" not in facts_of(message, lexicon().find(message), Context())


@pytest.mark.parametrize(
    ("text", "is_enterprise"),
    [
        ("20 seats", True),
        ("19 seats", False),
        ("1,000 paid users", True),
        ("на 50 сотрудников", True),
        ("в 2024 году", False),
    ],
)
def test_twenty_seats_make_a_company(text, is_enterprise):
    message = normalise(text)

    assert ("enterprise" in facts_of(message, [], Context())) is is_enterprise

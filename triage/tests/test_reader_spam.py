"""Spam is decided strictly: an advert read costs a minute, a buyer lost costs a customer."""

import pytest

from triage.analyzers.lexicon import Hit, Rule
from triage.analyzers.rules import RulesAnalyzer
from triage.analyzers.spam import CERTAIN, LIKELY, is_spam

READER = RulesAnalyzer()

BUYING = Hit(Rule("price", "buy", 1.7), 0, 1)
STRONG = Hit(Rule("earn", "spam", 2.0, strong=True), 0, 1)


def test_a_firm_belief_is_enough():
    assert is_spam(CERTAIN, [], {})


def test_a_likely_text_needs_the_words_or_the_disguise_of_spam():
    assert not is_spam(LIKELY, [], {})
    assert is_spam(LIKELY, [STRONG], {})
    assert is_spam(LIKELY, [], {"mixed_script": None})


def test_a_sign_of_buying_blocks_it():
    assert not is_spam(1.0, [BUYING], {})


def test_mere_suspicion_is_never_enough():
    assert not is_spam(LIKELY - 0.01, [STRONG], {"mixed_script": None, "suspicious_link": None})


@pytest.mark.parametrize(
    "text",
    [
        "Congratulations! Your number was awarded a $1000 prize, claim now: call 0906 1112233",
        "Нужны люди, удаленный заработок от 200$ в день, без опыта, пишите + в лс",
        "Online casino: 200% bonus and free spins, deposit now http://spin-777.xyz",
    ],
)
def test_mass_adverts_are_set_aside(text):
    reading = READER.read(text)

    assert (reading.intent, reading.priority, reading.next_action) == ("spam", "P3", "ignore")


def test_an_advert_with_a_word_of_buying_in_it_is_left_to_a_person():
    reading = READER.read("Ищу пapтнepoв в пpoeкт, дoхoд oт 3000$ в мecяц, 18+, пишите в лс")

    assert (reading.intent, reading.next_action) == ("spam", "qualify")


@pytest.mark.parametrize(
    "text",
    [
        "Hi, I won the lottery of parenthood, so I need to buy a stroller. How much is it?",
        "Хочу купить ноутбук, цена 50 000 рублей подходит, жду звонка",
        "Do you sell gift cards? I want to order 20 for our team, please send a quote",
        "Срочно нужен сайт для обменника, бюджет 100 000 руб., пришлите коммерческое предложение",
        "How much does SEO promotion of our shop cost per month?",
    ],
)
def test_a_buyer_is_never_set_aside(text):
    reading = READER.read(text)

    assert reading.intent != "spam"
    assert reading.next_action != "ignore"

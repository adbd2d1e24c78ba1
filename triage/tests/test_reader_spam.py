"""Spam is decided strictly: an advert read costs a minute, a buyer lost costs a customer."""

import pytest

from triage.analyzers.lexicon import Hit, Rule
from triage.analyzers.rules import RulesAnalyzer
from triage.analyzers.spam import CERTAIN, is_spam

READER = RulesAnalyzer()

PRICE = Hit(Rule("price", "buy", 1.7), 0, 1)
ORDER = Hit(Rule("order", "buy", 1.2), 2, 3)
STRONG = Hit(Rule("earn", "spam", 2.0, strong=True), 0, 1)


def test_a_firm_belief_is_enough():
    assert is_spam(CERTAIN, [])


def test_mere_suspicion_is_never_enough():
    assert not is_spam(CERTAIN - 0.01, [STRONG])


def test_signs_of_buying_block_it():
    assert not is_spam(1.0, [PRICE, ORDER])


def test_the_same_sign_twice_is_one_sign():
    assert is_spam(1.0, [PRICE, PRICE])


def test_strong_words_outweigh_signs_of_buying():
    assert is_spam(1.0, [PRICE, ORDER, STRONG])


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

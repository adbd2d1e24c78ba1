"""What the offline reader answers, and the words it answers with."""

import pytest

from triage.analyzers.base import Context
from triage.analyzers.rules import RulesAnalyzer

READER = RulesAnalyzer()

TEXTS = [
    "Need urgent pricing for 50 seats ASAP!",
    "Сколько стоит подписка на 30 сотрудников? Ответьте до пятницы, бюджет 200 000 руб.",
    "Ёлки, САЙТ  лежит!!! Верните ДЕНЬГИ, иначе — в суд",
    "Зaрабoтoк oт 500$ в дeнь, пишите в лc",
    "my card was charged twice\r\n\r\n> forwarded: call me back at +1 555 123 45 67",
    "ﬁle a complaint — 𝓕𝓻𝓮𝓮 stuff at https://bit.ly/x",
]


def reasons(reading):
    return {evidence.reason for evidence in reading.evidence}


@pytest.mark.parametrize("text", TEXTS)
def test_the_words_stand_in_the_original_text_where_it_says(text):
    evidence = READER.read(text).evidence

    assert evidence
    assert all(text[piece.start : piece.end] == piece.text for piece in evidence)


def test_an_urgent_request_for_prices_for_many_seats_is_called_at_once():
    reading = READER.read("Need urgent pricing for 50 seats ASAP!")

    assert (reading.intent, reading.priority, reading.next_action) == ("buy", "P0", "call")
    assert {"urgent", "enterprise"} <= set(reading.tags)
    assert {"buy", "P0", "urgent", "enterprise"} <= reasons(reading)


def test_the_same_request_in_russian_is_called_at_once():
    reading = READER.read("Срочно нужна цена на 50 лицензий для сотрудников!")

    assert (reading.intent, reading.priority, reading.next_action) == ("buy", "P0", "call")
    assert {"urgent", "enterprise", "lang:ru"} <= set(reading.tags)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How much is the annual plan?", "buy"),
        ("I'd like to book a table for four tonight", "buy"),
        ("Хочу заказать двадцать стульев, есть в наличии?", "buy"),
        ("Do you ship to Norway?", "info"),
        ("Во сколько вы закрываетесь в субботу?", "info"),
        ("I forgot my password and the reset link never arrives", "support"),
        ("Не могу войти в личный кабинет, пишет ошибку", "support"),
        ("Worst service ever, I will never order here again", "complaint"),
        ("Отвратительный сервис, требую вернуть деньги, иначе подам в суд", "complaint"),
        ("We would like to become your reseller in Spain", "partnership"),
        ("Хотим стать вашим дилером в Казани", "partnership"),
        ("I'd like to apply for the accountant position, my CV is attached", "job"),
        ("Есть ли у вас вакансии для студентов?", "job"),
        ("Congratulations! You won a $500 prize, claim now: call 09061234567", "spam"),
        ("Ищу людей в команду, заработок от 300$ в день без вложений, пишите в лс", "spam"),
        ("Thank you so much, have a lovely day!", "other"),
        ("Привет, как дела?", "other"),
    ],
)
def test_it_tells_what_is_wanted(text, intent):
    assert READER.read(text).intent == intent


def test_beliefs_sum_to_one_and_the_confidence_is_one_of_them():
    reading = READER.read("Where is my parcel 4412?")

    assert sum(reading.probs.values()) == pytest.approx(1)
    assert reading.confidence == reading.probs[reading.intent]


@pytest.mark.parametrize("text", ["", "   \n\t", "\u200b", "…"])
def test_nothing_to_read_is_other_in_no_hurry(text):
    reading = READER.read(text)

    assert (reading.intent, reading.priority, reading.next_action) == ("other", "P3", "ignore")


def test_an_earlier_contact_counts_though_the_text_does_not_tell():
    text = "Ужасный сервис, я очень недоволен"

    assert READER.read(text).priority == "P2"
    assert READER.read(text, Context(earlier_count=1)).priority == "P1"
    assert "repeat_contact" in READER.read(text, Context(earlier_count=1)).tags


def test_two_readers_of_the_same_files_have_one_version():
    assert RulesAnalyzer().version == READER.version

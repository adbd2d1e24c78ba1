"""What leaves the house: who somebody is does not, what they want does."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.analyzers.masking import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Mail me: Ann.Lee+crm@mail.example.co.uk!", "Mail me: [EMAIL]!"),
        ("почта иван@почта.рф, жду", "почта [EMAIL], жду"),
        ("ann (at) example [dot] com", "[EMAIL]"),
        ("https://example.com/?to=ann@example.com", "https://example.com/?to=[EMAIL]"),
        ("+7 999 123-45-67", "[PHONE]"),
        ("8(999)123-45-67 до 18", "[PHONE] до 18"),
        ("call 1.212.555.0199 now", "call [PHONE] now"),
        ("тел.123-45-67", "тел.[NUMBER]"),
        ("+٧٩٩٩١٢٣٤٥٦٧", "[PHONE]"),
        ("8\u200b9\u200b9\u200b9\u200b1234567", "[PHONE]"),
        ("card 4276 3800 1234 5678", "card [CARD]"),
        ("4276-3800-1234-5678, exp. 12/29", "[CARD], exp. 12/29"),
        ("паспорт 45 08 123456", "паспорт [PHONE]"),
        ("order 12345678 is late", "order [NUMBER] is late"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [ACCOUNT]"),
        ("https://t.me/annlee or @ann_lee", "https://t.me/[CONTACT] or [CONTACT]"),
        ("Need it.\n\nBest regards,\nJohn Smith\nAcme", "Need it.\n\nBest regards,\n[NAME]\nAcme"),
        ("С уважением, Иван Петров, директор", "С уважением, [NAME], директор"),
        ("Спасибо!\nОльга", "Спасибо!\n[NAME]"),
        ("меня зовут иван, хочу купить", "меня зовут [NAME], хочу купить"),
        ("Hi, my name is Ann Lee and I", "Hi, my name is [NAME] and I"),
    ],
)
def test_who_somebody_is_stays_here(text, masked):
    assert mask(text).text == masked


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("Ann Lee", "This is Ann Lee again, Ann's order", "This is [NAME] [NAME] again, [NAME]'s order"),
        ("Anna Leeson", "Hello from Anna. ANNA LEESON, annals", "Hello from [NAME]. [NAME] [NAME], annals"),
        ("Иван Петров", "Это от Ивана Петрова: передайте ИВАНУ", "Это от [NAME] [NAME]: передайте [NAME]"),
        ("Мария", "Для Марии, из Марокко", "Для [NAME], из Марокко"),
        ("Ян", "Ян просил в январе", "Ян просил в январе"),
        ("", "Ann asks", "Ann asks"),
        ("Ann (+.*)", "Ann wants 5", "[NAME] wants 5"),
        ("Lee Smith", "mail Smith@example.com, Smith", "mail [EMAIL], [NAME]"),
    ],
)
def test_the_lead_s_own_name_stays_here_wherever_it_stands(name, text, masked):
    assert mask(text, name).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Need 50 seats, budget 1 500 000 руб by 20.11.2026.",
        "$1,500,000 or 300000 rub, 12 000 € at most",
        "бюджет 1500000, срок 2026-11-20 10:00",
        "24/7 support for 1000 users since 2019",
        "Thanks, We need it",
        "Best regards to the team",
        "Thanks for the help, Everything works",
        "version 3.11.13, error 500502",
        "",
    ],
)
def test_what_they_want_does_leave(text):
    assert mask(text).text == text


def test_a_stretch_of_the_masked_text_leads_back_to_the_original():
    text = "Call Ann at +7 999 123-45-67 or ann@example.com today"
    masked = mask(text)
    assert masked.text == "Call Ann at [PHONE] or [EMAIL] today"

    def origin(quote):
        start = masked.text.index(quote)
        return text[slice(*masked.origin(start, start + len(quote)))]

    assert origin("Call Ann at") == "Call Ann at"
    assert origin("[PHONE]") == "+7 999 123-45-67"
    assert origin("[PHONE] or [EMAIL]") == "+7 999 123-45-67 or ann@example.com"
    assert origin("today") == "today"
    # Half a mask is the whole of what it hides.
    assert origin("PHONE] or [EM") == "+7 999 123-45-67 or ann@example.com"


@given(st.text(alphabet=st.sampled_from("a1 +@.-()Аб\n0,9№"), max_size=120))
def test_any_text_is_masked_and_leads_back_to_itself(text):
    masked = mask(text)

    assert masked.origin(0, len(masked.text)) == (0, len(text))
    for start, end, original_start, original_end in masked.masks:
        assert masked.origin(start, end) == (original_start, original_end)
        assert masked.text[start] == "[" and masked.text[end - 1] == "]"
    done, original = 0, 0
    for start, end, original_start, original_end in masked.masks:
        assert masked.text[done:start] == text[original:original_start]
        done, original = end, original_end
    assert masked.text[done:] == text[original:]


@pytest.mark.parametrize(
    "piece", ["1", "a@", "1 ", "A ", "a.b", "(at)", "a (at) ", "+", "AA11 ", "Best regards ", "1-("]
)
def test_no_text_takes_long(piece):
    text = (piece * 10_000)[:10_000]
    since = time.perf_counter()

    mask(text)

    assert time.perf_counter() - since < 0.5

"""How contacts and texts are brought into one form."""

import pytest

from leads.identity import (
    Contact,
    content_hash,
    email_contact,
    external_contact,
    phone_contact,
    search_text,
    visible_message,
    visible_name,
)


@pytest.mark.parametrize(
    ("written", "region", "kept"),
    [
        ("+7 999 123-45-67", "RU", "+79991234567"),
        ("8 (999) 123-45-67", "RU", "+79991234567"),
        ("9991234567", "RU", "+79991234567"),
        ("+7 999 123-45-67", "DE", "+79991234567"),
        ("030 901820", "DE", "+4930901820"),
        ("+1 (415) 555-2671", "RU", "+14155552671"),
    ],
)
def test_a_phone_is_kept_in_one_form_however_it_is_written(written, region, kept):
    assert phone_contact(written, region=region) == Contact("phone", kept)


@pytest.mark.parametrize("written", ["", "call me", "12", "+7 999", "+999 123456789012345", "\u0000"])
def test_what_is_no_phone_number_is_refused(written):
    with pytest.raises(ValueError, match=r"^not a (possible )?phone number$"):
        phone_contact(written, region="RU")


def test_an_email_is_kept_in_lower_case():
    assert email_contact(" Pat@Example.COM ") == Contact("email", "pat@example.com")


@pytest.mark.parametrize("domain", ["пример.рф", "ПРИМЕР.РФ", "пример。рф", "xn--e1afmkfd.xn--p1ai"])
def test_domain_of_an_email_has_one_form_however_it_is_written(domain):
    assert email_contact(f"ann@{domain}") == Contact("email", "ann@xn--e1afmkfd.xn--p1ai")


@pytest.mark.parametrize(
    "written",
    [
        "\u212aate@example.com",
        "i\u0307van@example.com",
        "иван@example.com",
        "ann\u200b@example.com",
        '"ann"@example.com',
        '"a b"@example.com',
        "ann(comment)@example.com",
        "ann.@example.com",
        "ann..lee@example.com",
        "ann@[127.0.0.1]",
        "ann@localhost",
        "ann@\u200b.рф",
        "a@b@example.com",
        "x" * 243 + "@пример.рф",
        "@example.com",
    ],
)
def test_email_that_no_mailbox_has_or_that_looks_like_another_is_refused(written):
    with pytest.raises(ValueError):
        email_contact(written)


@pytest.mark.parametrize("written", ["a\u200b1", "a\u202e1", "a\n1", "a\x001", "a\ufeff1"])
def test_external_id_with_invisible_characters_is_refused(written):
    with pytest.raises(ValueError, match="invisible"):
        external_contact(written, source_id=3)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ann\u202eeeL", "AnneeL"),
        ("\u2066Ann\u2069 \u200bLee\u200f", "Ann Lee"),
        ("Ann\n\tLee\x00\x1b[2J", "Ann Lee[2J"),
        ("A\u00adnn \U000e0041\U000e0042", "Ann"),
        ("\u3164", ""),
        ("Ann\u2028Lee", "Ann Lee"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("Ann 👩\u200d💻", "Ann 👩\u200d💻"),
    ],
)
def test_name_keeps_what_is_seen_of_it(sent, kept):
    assert visible_name(sent) == kept


def test_message_keeps_its_lines_and_loses_what_is_not_seen():
    assert visible_message(" One\r\ntwo\rthree\u2028\tfour\x07\u202e\u200b ") == " One\ntwo\nthree\n\tfour "


def test_an_external_id_is_kept_with_its_source_and_its_case():
    assert external_contact(" aB7 ", source_id=3) == Contact("external", "3:aB7")


@pytest.mark.parametrize("other", ["PRICE please", " price\n\tplease ", "ｐｒｉｃｅ please", "price\u00a0please"])
def test_case_spacing_and_compatibility_forms_make_no_other_text(other):
    assert content_hash(other) == content_hash("price please")


@pytest.mark.parametrize("other", ["price, please", "priceplease", "prices please", ""])
def test_other_words_or_signs_make_another_text(other):
    assert content_hash(other) != content_hash("price please")


def test_what_is_searched_is_folded_and_has_the_digits_of_the_phone():
    assert search_text(name="Семён Кузнецов", email="Pat@Example.com", phone="+79991234567") == (
        "семен кузнецов pat@example.com 79991234567"
    )
    assert search_text(name="", email="", phone="") == ""

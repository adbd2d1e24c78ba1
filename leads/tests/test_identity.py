"""How contacts and texts are brought into one form."""

import pytest

from leads.identity import Contact, content_hash, email_contact, external_contact, phone_contact, search_text


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

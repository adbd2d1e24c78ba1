"""The desk in Russian: nothing on it is left in English, and no word of ours is missing from the catalog."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from triage.models import Job

from .desk import MESSAGE, fill_desk, said
from .test_desk_pages import ADDABLE, LISTS

ROOT = Path(settings.BASE_DIR)
CATALOG = ROOT / "locale/ru/LC_MESSAGES/django.po"

#: What is Latin in Russian too (the second line stands so in Django's own), and what the sample is called.
LATIN = {"api", "telegram", "whatsapp", "europe", "moscow", "english", "utc", "admin", "esc"}
LATIN |= {"control", "command", "mac", "ldap", "single", "sing"}
SAMPLE = set(f"{MESSAGE} Do you have a price list Anna Pat Lee Max Orlov site page user group".casefold().split())
SAMPLE |= {"rules", "utm", "ads", "buy", "example", "com"}
#: Django makes the names of permissions once, in English, and keeps them in the database.
PERMISSION = re.compile(r"\| Can \w+ [\w ]+")


class Reader(HTMLParser):
    """What a person reads of a page: its texts, and the attributes that are shown."""

    def __init__(self):
        super().__init__()
        self.texts, self.skipped = [], 0

    def handle_starttag(self, tag, attributes):
        self.skipped += tag in ("script", "style", "pre", "code")
        if not self.skipped:
            self.texts += [v for k, v in attributes if k in ("title", "placeholder", "aria-label", "data-label")]
        is_icon = "material-symbols-outlined" in (dict(attributes).get("class") or "")
        self.texts.append(None if is_icon else "")

    def handle_endtag(self, tag):
        self.skipped -= tag in ("script", "style", "pre", "code")
        self.texts.append("")

    def handle_data(self, data):
        # An icon's name is drawn as a picture.
        if not self.skipped and self.texts[-1:] != [None]:
            self.texts.append(data)


def english_in(html):
    reader = Reader()
    reader.feed(html)
    text = PERMISSION.sub("", "\n".join(filter(None, reader.texts)))
    # Words, not the letters in numbers such as 5560f5db.
    return set(re.findall(r"(?<!\w)[a-z]{3,}(?!\w)", text.casefold())) - LATIN - SAMPLE


@pytest.fixture(autouse=True)
def _english_afterwards():
    """A request leaves its language in the thread it was answered in, which here is that of all tests."""
    yield
    translation.deactivate()


@pytest.fixture
def russian(admin_client):
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"
    return admin_client


@pytest.fixture
def full_desk(db):
    fill_desk(1)
    Job.objects.update(failed_at="2026-11-20T12:00Z", done_at=None)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_all_russian(russian, full_desk, name):
    assert english_in(russian.get(reverse(f"admin:{name}_changelist")).content.decode()) == set()


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_is_all_russian(russian, name):
    assert english_in(russian.get(reverse(f"admin:{name}_changelist")).content.decode()) == set()


@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_all_russian(russian, full_desk, name):
    row = apps.get_model(name.replace("_", ".")).objects.first()

    assert english_in(russian.get(reverse(f"admin:{name}_change", args=[row.pk])).content.decode()) == set()


@pytest.mark.parametrize("name", ADDABLE)
def test_a_form_is_all_russian(russian, db, name):
    assert english_in(russian.get(reverse(f"admin:{name}_add")).content.decode()) == set()


@pytest.mark.parametrize("action", ["resolve", "reroute", "give", "reopen"])
def test_a_dialog_is_all_russian(russian, full_desk, action):
    inquiry = apps.get_model("leads.inquiry").objects.first()

    assert english_in(russian.get(f"/admin/leads/inquiry/{inquiry.pk}/{action}/").content.decode()) == set()


def test_the_dashboard_is_all_russian(russian, full_desk):
    assert english_in(russian.get(reverse("admin:index")).content.decode()) == set()


def test_the_first_steps_are_all_russian(russian, db):
    assert english_in(russian.get(reverse("admin:index")).content.decode()) == set()


def test_the_login_is_all_russian(client, db):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"

    assert english_in(client.get("/admin/login/").content.decode()) == set()


def test_numbers_are_said_in_proper_plurals(russian, full_desk):
    waiting = apps.get_model("leads.inquiry").objects.filter(operator=None).get()
    chosen = {"action": "resolve_selected", "_selected_action": [str(waiting.pk)], "index": "0"}

    assert said(russian.post("/admin/leads/inquiry/", chosen, follow=True)) == ["Закрыто 1 обращение."]
    with translation.override("ru"):
        words = [translation.ngettext("%(count)d key revoked.", "%(count)d keys revoked.", n) for n in (1, 3, 5, 21)]
    assert [word.split()[2] for word in words] == ["ключ.", "ключа.", "ключей.", "ключ."]


def test_the_language_is_switched_at_the_desk(admin_client):
    admin_client.post(reverse("set_language"), {"language": "ru", "next": reverse("admin:index")})

    assert "Обзор" in admin_client.get(reverse("admin:index")).content.decode()


def test_every_word_of_ours_is_in_the_catalog():
    known = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(CATALOG)}

    assert words_in_python() | words_in_templates() <= known


def test_the_catalog_is_complete():
    catalog = polib.pofile(CATALOG)

    assert [entry.msgid for entry in catalog if not entry.translated()] == []


def test_the_compiled_catalog_is_the_one_that_was_written():
    written = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in polib.pofile(CATALOG)}
    compiled = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in polib.mofile(CATALOG.with_suffix(".mo"))}

    assert written == compiled, "run `make messages`"


def words_in_python():
    """(context, text) of every literal that is given to gettext."""
    found = set()
    for app in ("config", "crm", "leads", "routing", "triage"):
        for path in (ROOT / app).rglob("*.py"):
            if "tests" not in path.parts:
                found |= set(filter(None, map(_word, ast.walk(ast.parse(path.read_text())))))
    return found


def _word(node):
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
        return None
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if name in ("_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy") and texts:
        return None, texts[0]
    if name in ("pgettext", "pgettext_lazy") and len(texts) == 2:
        return texts[0], texts[1]
    return None


def words_in_templates():
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        found |= {(None, word) for _, word in re.findall(r"""\{% translate (["'])(.*?)\1""", text)}
        blocks = re.findall(
            r"\{% blocktranslate[^%]* trimmed %\}(.*?)\{% (?:plural|endblocktranslate) %\}", text, re.S
        )
        found |= {(None, re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", block.strip())) for block in blocks}
    return found

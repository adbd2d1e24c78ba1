"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_file_that_is_linked_exists(document):
    folder = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (ROOT / document).read_text())

    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []

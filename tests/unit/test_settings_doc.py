"""The documentation of settings."""

import runpy

from service.settings import resources


def test_the_page_lists_every_setting_as_it_is() -> None:
    """docs/settings.md is what scripts/settings_doc.py prints today."""
    page = runpy.run_path(str(resources() / "scripts" / "settings_doc.py"))["page"]
    assert (resources() / "docs" / "settings.md").read_text("utf-8") == page()

"""The audit's verdict over reports of pip-audit's shape, and the exceptions that the project has."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.vulnerabilities import EXCEPTIONS, LOCK, CannotAsk, Exemption, as_published, exceptions, judge, locked, main

TODAY = date(2026, 12, 1)
CHROMA = {"id": "GHSA-f4j7-r4q5-qw2c", "fix_versions": [], "aliases": ["CVE-2026-45829"], "description": "Remote code."}
KNOWN = Exemption("CVE-2026-45829", ("GHSA-f4j7-r4q5-qw2c",), "chromadb", "no release has the fix", "never run", date(2027, 2, 28))


def reported(*vulnerabilities: dict[str, Any], name: str = "chromadb") -> dict[str, Any]:
    """A report as pip-audit 2.10 writes it: one package with these, and one without any."""
    return {"dependencies": [{"name": name, "version": "1.5.9", "vulns": list(vulnerabilities)},
                             {"name": "h11", "version": "0.16.0", "vulns": []}], "fixes": []}  # fmt: skip


def test_a_vulnerability_with_an_exception_is_told_and_passes() -> None:
    """Under whichever of its names the service knows it."""
    for found in (CHROMA, {**CHROMA, "id": "CVE-2026-45829", "aliases": []}, {**CHROMA, "id": "PYSEC-2026-1"}):
        verdict = judge(reported(found), [KNOWN], TODAY)
        assert (verdict.exit_code, verdict.audited, verdict.findings, verdict.idle) == (0, 2, [], [])
        assert "no release has the fix; look again by 2027-02-28" in verdict.excepted[0]


def test_any_other_vulnerability_fails() -> None:
    """Also of a package that has an exception, and one of the same name in another package; what to pin is said."""
    other = {"id": "CVE-2026-1", "fix_versions": ["1.6.0"], "aliases": [], "description": ""}
    verdict = judge(reported(CHROMA, other), [KNOWN], TODAY)
    assert verdict.exit_code == 1
    assert len(verdict.findings) == 1
    assert "CVE-2026-1; fixed in 1.6.0" in verdict.findings[0]
    assert judge(reported(CHROMA, name="chromadb-client"), [KNOWN], TODAY).exit_code == 1
    assert judge(reported(CHROMA), [], TODAY).exit_code == 1


@pytest.mark.parametrize(("today", "code"), [(date(2027, 2, 28), 0), (date(2027, 3, 1), 1)])
def test_an_exception_ends_with_its_day(today: date, code: int) -> None:
    """It holds on that day and fails on the next, whether or not the vulnerability is still there."""
    for report in (reported(CHROMA), reported()):
        assert judge(report, [KNOWN], today).exit_code == code


def test_an_exception_that_is_over_is_told() -> None:
    """Nothing is known of the package any more, so the entry can go; that alone fails nothing."""
    verdict = judge(reported(), [KNOWN], TODAY)
    assert verdict.exit_code == 0
    assert "nothing is known of it in the pinned version" in verdict.idle[0]
    assert verdict.lines()[0].startswith("take out: CVE-2026-45829 of chromadb")


def test_what_was_not_audited_is_no_clean_bill() -> None:
    """pip-audit itself ends well where the service does not know the package; an exception of such a package is not called over."""
    skipped = {"dependencies": [{"name": "chromadb", "skip_reason": "Dependency not found on PyPI"}], "fixes": []}
    verdict = judge(skipped, [KNOWN], TODAY)
    assert (verdict.exit_code, verdict.audited, verdict.idle) == (2, 0, [])
    assert judge({"dependencies": [], "fixes": []}, [], TODAY).exit_code == 2
    with pytest.raises(CannotAsk):
        judge({}, [], TODAY)


ENTRY = """
[[exception]]
id = "CVE-1"
aliases = []
package = "Some_Package"
reason = "no fix"
unreached = "never called"
review_by = 2027-02-28
"""


def test_an_exception_is_whole(tmp_path: Path) -> None:
    """Every field, a real day, and no field that nobody reads."""
    file = tmp_path / "x.toml"
    file.write_text(ENTRY)
    assert exceptions(file) == [Exemption("CVE-1", (), "some-package", "no fix", "never called", date(2027, 2, 28))]
    for old, new in (('reason = "no fix"', ""), ('"no fix"', '""'), ("2027-02-28", '"2027-02-28"'), ("[]\n", "[]\nuntil = 1\n")):
        file.write_text(ENTRY.replace(old, new, 1))
        with pytest.raises(ValueError, match=r"x\.toml, exception 1 \(CVE-1\)"):
            exceptions(file)


def test_the_projects_exceptions_are_of_what_it_installs() -> None:
    """Each says why it is not reached and is of a locked package; none is years away."""
    names = {one.name for one in locked(LOCK.read_text("utf-8"))}
    found = exceptions(EXCEPTIONS)
    assert ("CVE-2026-45829", "chromadb") in [(one.id, one.package) for one in found]
    for one in found:
        assert one.package in names
        assert len(one.unreached) > 40
        assert (one.review_by - datetime.now(UTC).date()).days < 366


def test_local_versions_are_asked_about_as_published() -> None:
    """An advisory is of torch 2.13.0, never of 2.13.0+cpu; the two builds are one question."""
    torch = "torch==2.13.0+cpu ; sys_platform == 'linux' \\\n    --hash=sha256:00\n"
    torch += "torch==2.13.0 ; sys_platform == 'darwin' \\\n    --hash=sha256:01\n"
    six = "six==1.17.0 \\\n    --hash=sha256:02 \\\n    --hash=sha256:03\n"
    assert as_published(f"# words\n{torch}{six}") == ["torch==2.13.0", "six==1.17.0"]


def test_the_command_tells_and_ends_as_it_should(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0, 1 and 2, from reports that were made elsewhere; what is no report says what to do."""
    file, exempt = tmp_path / "report.json", tmp_path / "exceptions.toml"
    exempt.write_text(ENTRY.replace("2027", str(datetime.now(UTC).year + 1)))
    for report, code, words in (
        (reported(), 0, "take out: CVE-1 of some-package"),
        (reported(CHROMA), 1, "VULNERABLE: chromadb 1.5.9: CVE-2026-45829, GHSA-f4j7-r4q5-qw2c; fixed in no version yet"),
        ({"dependencies": [{"name": "x", "skip_reason": "not found"}]}, 2, "not audited: x: not found"),
        ([], 2, ""),
    ):
        file.write_text(json.dumps(report))
        assert main(["--report", str(file), "--exceptions", str(exempt)]) == code
        told = capsys.readouterr()
        assert words in told.out
        assert ("make audit" in told.err) == (code == 2)
    assert main(["--report", str(tmp_path / "none.json"), "--exceptions", str(exempt)]) == 2

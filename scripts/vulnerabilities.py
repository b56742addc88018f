"""Known vulnerabilities of what `requirements.lock` installs, less the exceptions in `audit-exceptions.toml`. Run by `make audit` and CI.

    python scripts/vulnerabilities.py [--service pypi|osv] [--report FILE]

pip-audit asks the package index or OSV about every pinned version; both need the network. `--report` reads what pip-audit wrote
elsewhere instead of asking. Exit code 0: nothing known but dated exceptions; 1: a vulnerability without an exception, or
an exception past its date; 2: nobody could be asked, or not about all of it, which is no clean bill.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK, EXCEPTIONS = ROOT / "requirements.lock", ROOT / "audit-exceptions.toml"
SECONDS = 600
SHOWN = 5
"""Packages that were not audited are named up to this many; it is seldom one alone."""
TO_DO = (
    "Run `make audit` where the network is, or ask the other service with `--service osv`. Or let another machine ask: here "
    "`python scripts/vulnerabilities.py --pins > pins.txt`, there `pip-audit --no-deps --disable-pip --format json -r pins.txt > "
    "report.json`, and here again `--report report.json`."
)


class CannotAsk(Exception):
    """Why no vulnerability service answered."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A vulnerability that is known and does not reach Dateline, until a day on which somebody must look again."""

    id: str
    aliases: tuple[str, ...]
    package: str
    reason: str
    unreached: str
    review_by: date


@dataclass(slots=True)
class Verdict:
    """What an audit comes to, each in a line for people."""

    audited: int = 0
    findings: list[str] = field(default_factory=list)
    """Vulnerabilities without an exception, and exceptions past their date."""
    excepted: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    """Exceptions for which there is nothing any more."""
    unasked: list[str] = field(default_factory=list)
    """Packages about which the service said nothing."""

    @property
    def exit_code(self) -> int:
        """As the module says."""
        return 1 if self.findings else 2 if self.unasked or not self.audited else 0

    def lines(self) -> list[str]:
        """All of it, the worst first."""
        told = [("VULNERABLE", self.findings), ("not audited", self.unasked[:SHOWN]), ("exception", self.excepted), ("take out", self.idle)]
        return [f"{what}: {line}" for what, lines in told for line in lines] + [f"{self.audited} audited, {len(self.unasked)} not"]


def exceptions(path: Path) -> list[Exemption]:
    """The exceptions of the file. Raises ValueError, with the place, where one lacks a field, has one too many or no date."""
    found = []
    wanted = set(Exemption.__dataclass_fields__)
    for number, entry in enumerate(tomllib.loads(path.read_text("utf-8")).get("exception", []), start=1):
        where = f"{path.name}, exception {number} ({entry.get('id', 'no id')})"
        if entry.keys() != wanted or not all(entry[name] for name in wanted - {"aliases"}):
            raise ValueError(f"{where}: write exactly {', '.join(sorted(wanted))}, none of them empty")
        if type(entry["review_by"]) is not date:
            raise ValueError(f"{where}: review_by is a day, such as 2027-02-28, without quotes")
        found.append(Exemption(**{**entry, "aliases": tuple(entry["aliases"]), "package": canonicalize_name(entry["package"])}))
    return found


def judge(report: object, exempt: Sequence[Exemption], today: date) -> Verdict:
    """What pip-audit's JSON report comes to with these exceptions. Raises CannotAsk for what is no such report."""
    verdict, used = Verdict(), set()
    dependencies = report.get("dependencies") if isinstance(report, Mapping) else None
    if not isinstance(dependencies, list):
        raise CannotAsk("what pip-audit wrote is no report of dependencies")
    for package in dependencies:
        if "skip_reason" in package:
            verdict.unasked.append(f"{package['name']}: {package['skip_reason']}")
            continue
        verdict.audited += 1
        for found in package["vulns"]:
            names = {found["id"], *found.get("aliases", [])}
            line = f"{package['name']} {package['version']}: {', '.join(sorted(names))}"
            match = [one for one in exempt if one.package == canonicalize_name(package["name"]) and names & {one.id, *one.aliases}]
            used.update(match)
            if match:
                verdict.excepted.append(f"{line}; {match[0].reason}; look again by {match[0].review_by}")
            else:
                fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
                verdict.findings.append(f"{line}; fixed in {fixed}: pin that, or write a dated exception into {EXCEPTIONS.name}")
    for one in exempt:
        if one.review_by < today:
            verdict.findings.append(f"the exception {one.id} was to be reviewed by {one.review_by}: look, then date it anew or take it out")
        if one not in used and not any(line.startswith(f"{one.package}:") for line in verdict.unasked):
            verdict.idle.append(f"{one.id} of {one.package}: nothing is known of it in the pinned version any more")
    return verdict


def locked(text: str) -> list[Requirement]:
    """The requirements of a lock, without their hashes."""
    lines = text.replace("\\\n", " ").splitlines()
    return [Requirement(line.partition("--hash")[0].strip()) for line in lines if line.strip() and not line.startswith("#")]


def as_published(lock: str) -> list[str]:
    """`name==version` once each, without platform and without local version (`+cpu`), under which nobody keeps advisories."""
    pins = {f"{one.name}=={Version(next(iter(one.specifier)).version).public}": None for one in locked(lock)}
    return list(pins)


def asked(pins: Sequence[str], service: str) -> object:
    """pip-audit's report on these. Raises CannotAsk."""
    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("\n".join(pins) + "\n")
        listed.flush()
        command = [sys.executable, "-m", "pip_audit", "--requirement", listed.name, "--no-deps", "--disable-pip", "--format", "json"]
        command += ["--vulnerability-service", service, "--progress-spinner", "off"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 - no shell
        except subprocess.TimeoutExpired as error:
            raise CannotAsk(f"{service} did not answer within {SECONDS} seconds") from error
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise CannotAsk(f"pip-audit failed: {last[:300]}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, judge, tell; returns the exit code."""
    parser = argparse.ArgumentParser(description="Known vulnerabilities of requirements.lock, less the dated exceptions.")
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    parser.add_argument("--report", type=Path, help="what pip-audit wrote, instead of asking")
    parser.add_argument("--pins", action="store_true", help="print what would be asked about, and ask nobody")
    parser.add_argument("--exceptions", type=Path, default=EXCEPTIONS)
    given = parser.parse_args(arguments)
    try:
        exempt, pins = exceptions(given.exceptions), as_published(LOCK.read_text("utf-8"))
        if given.pins:
            print("\n".join(pins))
            return 0
        report = json.loads(given.report.read_text("utf-8")) if given.report else asked(pins, given.service)
        verdict = judge(report, exempt, datetime.now(UTC).date())
    except CannotAsk as error:
        print(f"The audit could not be made: {error}\n{TO_DO}", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"The audit could not be made: {error}", file=sys.stderr)
        return 2
    print("\n".join(verdict.lines()))
    if verdict.unasked:
        print(f"Not everything could be audited. {TO_DO}", file=sys.stderr)
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""What Errata is made of: licences that somebody has looked at, hashes of what is installed, and a wheel of the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.supply import audit, lock, release_client
from infra.supply.licences import ROOT, Licence, list_licences, render_page

EPOCH = 1_700_000_000


def test_every_package_has_a_licence_that_was_looked_at() -> None:
    licences = list_licences()
    assert len(licences) > 100
    assert [licence for licence in licences if not licence.is_allowed] == []


def test_the_page_names_every_package_that_is_installed() -> None:
    """Other systems and versions of Python install a few others, which the page of this one has not."""
    page = ROOT / "docs" / "licences.md"
    text, table = page.read_text("utf-8"), render_page()
    if os.environ.get("ERRATA_ACCEPT"):
        text = re.sub(
            r"(<!-- licences -->\n).*?(<!-- /licences -->)",
            lambda it: f"{it[1]}{table}\n{it[2]}",
            text,
            flags=re.DOTALL,
        )
        page.write_text(text, "utf-8")
    assert [row for row in table.splitlines() if row not in text] == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True), ("Apache-2.0 OR GPL-3.0-only", True), ("(MIT AND PSF-2.0)", True), ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("", False), ("GPL-3.0-only", False), ("MIT AND GPL-3.0-only", False), ("MPL-2.0 AND (GPL-3.0-only OR MIT)", False), ("Our own terms", False),
    ],
)  # fmt: skip
def test_which_licences_are_allowed(expression: str, allowed: bool) -> None:
    assert Licence("x", expression).is_allowed is allowed


def test_what_is_locked_is_locked_with_hashes() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    for package in lock["package"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert package["name"] == "errata" or files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_uv_itself_is_installed_by_its_hashes() -> None:
    text = (ROOT / "infra" / "supply" / "uv.txt").read_text("utf-8")
    assert (
        re.search(r"^uv==[\d.]+ \\$", text, re.MULTILINE) and len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) > 5
    )
    assert "--require-hashes -r infra/supply/uv.txt" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.build
def test_the_wheel_has_the_same_bytes_from_other_paths_and_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "a place with another name"
    for name in release_client.FILES:
        place = ROOT / name
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if place.is_dir() else shutil.copy)(place, other / name)
    for path in other.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (time.time() - 10**8,) * 2)
    (other / "catalog" / "errata" / "__pycache__").mkdir(exist_ok=True)
    first = release_client.build_wheel(ROOT, tmp_path / "first", EPOCH)
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    old = os.umask(0o077)
    try:
        again = release_client.build_wheel(other, tmp_path / "again", EPOCH)
    finally:
        os.umask(old)
    assert first.name == again.name and first.read_bytes() == again.read_bytes()
    with ZipFile(first) as archive:
        assert {info.date_time[:3] for info in archive.infolist()} == {(2023, 11, 14)}


@pytest.mark.build
def test_a_release_of_the_client_has_its_bill_of_materials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not release_client.UV.is_file():
        pytest.skip("no uv in .uv, which `make install` puts there")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    wheel, sbom, sums = release_client.release_client(tmp_path / "dist")
    text = sbom.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    bill = json.loads(text)
    assert sorted(each["name"] for each in bill["components"]) == ["filelock", "fsspec", "pyarrow"]
    assert all(each["licenses"] and each["externalReferences"][0]["hashes"] for each in bill["components"])
    assert bill["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    for line in sums.read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest
    release_client.release_client(tmp_path / "again")
    assert (tmp_path / "again" / sbom.name).read_text("utf-8") == text


def test_an_audit_that_nobody_answers_is_skipped_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "SERVICES", dict.fromkeys(audit.SERVICES, "http://127.0.0.1:9/x"))
    assert audit.main() == 0
    assert "skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    "file", [lock.TORCH, lock.CPU_BUILD, *(lock.INFRA / name / "requirements.txt" for name in lock.ENVIRONMENTS)]
)
def test_what_scripts_install_is_locked_with_hashes(file: Path) -> None:
    packages = [
        block for block in re.split(r"^(?=\S)", file.read_text("utf-8"), flags=re.M) if block and block[0] != "#"
    ]
    locked = {re.match(r"[a-z0-9-]+(?===\d)", block) for block in packages}
    assert packages and None not in locked
    assert [block for block in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", block)] == []
    if file.name == "requirements.txt":
        lines = file.with_suffix(".in").read_text("utf-8").splitlines()
        asked = {re.split("[<>=]", line)[0] for line in lines if not line.startswith("#")}
        assert asked - {match[0] for match in locked if match} == {"torch"}

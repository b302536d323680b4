"""What a recipe may read: its own folder and that of --data, however it spells the way out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.confinement import Confinement, OutsideError
from catalog.declarations import VIEWS
from catalog.sources import find_sources
from schemas.reading import Companion, FileReading


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A recipe's folder and one of data, each with links that lead out, beside a secret."""
    for name in ("recipe/sub", "recipe/.ssh", "data", "secret"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("recipe/a.jsonl", "recipe/sub/b.jsonl", "recipe/.ssh/key", "data/c.jsonl", "secret/s.jsonl"):
        (tmp_path / name).write_text('{"q": 1}\n')
    (tmp_path / "recipe" / "file").symlink_to(tmp_path / "secret" / "s.jsonl")
    (tmp_path / "recipe" / "folder").symlink_to(tmp_path / "secret")
    (tmp_path / "data" / "out.jsonl").symlink_to("../secret/s.jsonl")
    return tmp_path


def confine(house: Path, *, trusted: bool = False) -> Confinement:
    return Confinement(str(house / "recipe"), str(house / "data"), trusted)


OUTSIDE = {
    "the parent": "{recipe}/../secret/s.jsonl",
    "a pattern of the parent": "{recipe}/../*/s.jsonl",
    "an absolute path": "{house}/secret/s.jsonl",
    "a device": "/dev/zero",
    "a link": "{recipe}/file",
    "a linked folder": "{recipe}/folder/s.jsonl",
    "a link in the data": "{data}/out.jsonl",
    "the parent of the data": "{data}/../secret/s.jsonl",
    "a hidden folder": "{recipe}/.ssh/key",
    "a URL of a file": "file://{house}/secret/s.jsonl",
    "another URL of a file": "local://{house}/secret/s.jsonl",
    "a file within another storage": "simplecache::file://{house}/secret/s.jsonl",
    "a chain without a URL": "simplecache::{house}/secret/s.jsonl",
    "a member of an archive": "zip://s.jsonl::{house}/secret/s.zip",
    "a chain that begins on the Hub": "hf://datasets/a/b/c::file://{house}/secret/s.jsonl",
    "rows of a local folder": "hf://{house}/secret?split=train",
    "a server": "http://169.254.169.254/latest/meta-data",
    "a bucket": "s3://somebody/private.jsonl",
    "memory": "memory://x",
    "the home": "~/.ssh/id_rsa",
}


@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
def test_what_lies_outside_is_refused_before_anybody_looks(house: Path, place: str) -> None:
    place = place.format(house=house, recipe=house / "recipe", data=house / "data")
    with pytest.raises(OutsideError, match=r"--trust"):
        find_sources(place, "named", confinement=confine(house))


def test_what_a_pattern_or_a_folder_leads_to_is_looked_at_file_by_file(house: Path) -> None:
    (house / "recipe" / "link.jsonl").symlink_to(house / "secret" / "s.jsonl")
    for place in ("*.jsonl", "."):
        with pytest.raises(OutsideError, match=r"link\.jsonl lies outside"):
            find_sources(f"{house}/recipe/{place}", place, confinement=confine(house))


def test_a_companion_that_is_a_link_is_refused(house: Path) -> None:
    (house / "recipe" / "sub" / "m.json").symlink_to(house / "secret" / "s.jsonl")
    reading = FileReading(companion=Companion(file="m.json"))
    with pytest.raises(OutsideError, match=r"sub/m\.json lies outside"):
        find_sources(f"{house}/recipe/sub/b.jsonl", "sub/b.jsonl", reading=reading, confinement=confine(house))


def test_what_lies_inside_is_read_and_noted(house: Path) -> None:
    within = confine(house)
    for place, name in (("recipe/a.jsonl", "a.jsonl"), ("recipe/sub/../sub/*", "sub/*"), ("data/c.jsonl", "c.jsonl")):
        assert find_sources(f"{house}/{place}", name, confinement=within)
    assert list(within.files) == ["a.jsonl", "sub/b.jsonl", "c.jsonl"]


def test_a_trusted_recipe_reads_what_it_names_and_it_is_noted(house: Path) -> None:
    within = confine(house, trusted=True)
    assert find_sources(f"{house}/secret/s.jsonl", "../secret/s.jsonl", confinement=within)
    assert list(within.files) == ["../secret/s.jsonl"]


def test_data_in_a_bucket_are_read_below_it_alone() -> None:
    within = Confinement("r", "s3://mine/data")
    assert within.is_allowed("s3://mine/data/a.jsonl")
    for place in ("s3://mine/data/../other/a", "s3://mine/database/a", "s3://mine/data/a::file:///etc/passwd"):
        assert not within.is_allowed(place)


def test_a_folder_of_weights_holds_no_link_out(house: Path) -> None:
    within = confine(house)
    within.add_path(str(house / "recipe" / "sub"), "sub")
    os.symlink("/etc/hostname", house / "recipe" / "sub" / "config.json")
    with pytest.raises(OutsideError, match=r"sub: config\.json in it lies outside"):
        within.add_path(str(house / "recipe" / "sub"), "sub")


def test_a_name_that_looks_like_a_url_is_a_path_where_a_path_is_opened(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`file:sub/view.yaml` beside a link of the name `file:sub`, and `~`, which no shell has seen."""
    monkeypatch.chdir(house / "recipe")
    for name in ("file:sub", "~"):
        (house / "recipe" / name).symlink_to(house / "secret")
        (house / "recipe" / "sub" / "view.yaml").write_text("")
        (house / "secret" / "view.yaml").write_text("columns: {}")
        with pytest.raises(OutsideError, match=r"lies outside"):
            VIEWS.find(f"{name}/view.yaml", Path(), Confinement(".", os.path.expanduser("~")))


def test_an_empty_folder_of_data_is_none(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(house)
    assert not Confinement(str(house / "recipe"), "").is_allowed(str(house / "secret" / "s.jsonl"))


def test_what_would_be_waited_for_is_refused(house: Path) -> None:
    os.mkfifo(house / "recipe" / "view.yaml")
    with pytest.raises(OutsideError, match=r"view\.yaml is neither a file nor a folder"):
        VIEWS.find("view.yaml", house / "recipe", confine(house))


def test_a_server_is_not_asked_for_what_lies_above_the_data() -> None:
    within = Confinement("r", "https://host/data")
    assert within.is_allowed("https://host/data/a%20b.jsonl")
    for rest in ("%2e%2e/secret", "x/..%2fsecret", "..\\secret"):
        assert not within.is_allowed(f"https://host/data/{rest}")

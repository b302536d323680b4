"""Formats: each maps its made-up sample to the rows that it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.declarations import FORMATS, find_declarations
from catalog.records.read import read_batches
from catalog.sources import Source, find_sources
from flows.running.record_lookup import RecordLookup
from schemas.reading import select_reading
from schemas.recipe.document import RecipeError
from schemas.recipe.format import parse_format
from schemas.recipe.recipe import NO_ROWS
from schemas.task import Outcome, Record
from tasks.sources.import_ import IMPORT, ImportParameters
from tasks.sources.load import LOAD, LoadParameters
from tests.snippet_scenes import write_file
from tests.snippets import list_blocks

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
NAMES = list(FORMATS.shipped)


def read_sample(name: str, place: Path) -> tuple[list[Record], ImportParameters]:
    """The records of a format's sample, and the parameters of a table that imports them."""
    sample = FORMATS.shipped[name].sample
    for file, content in sample.files.items():
        write_file(place / file, content)
    first = next(iter(sample.files))
    parameters = ImportParameters.model_validate(
        {"format": name, "files": first, **sample.given}, context=dict(find_declarations(place))
    )
    sources = find_sources(str(place / first), first, reading=select_reading(parameters))
    return _join(_read_all(sources), parameters, place), parameters


def _read_all(sources: list[Source]) -> list[Record]:
    return [record for source in sources for batch, _ in read_batches(source) for record in batch]


def _join(records: list[Record], parameters: ImportParameters, place: Path) -> list[Record]:
    """Records with those of other files that belong to them."""
    for join in IMPORT.joins(parameters, NO_ROWS):
        assert parameters.join is not None
        with RecordLookup(join) as lookup:
            for file in parameters.join.files:
                lookup.add(record.value or {} for record in _read_all(find_sources(str(place / file), file)))
            records = lookup.attach(records)
    return records


def outcome_of(name: str, place: Path) -> tuple[Outcome, int]:
    records, parameters = read_sample(name, place)
    return IMPORT.run(records, parameters), sum(IMPORT.rows_per_record(record, parameters) for record in records)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_maps_its_sample_to_the_rows_that_it_says(name: str, tmp_path: Path) -> None:
    sample = FORMATS.shipped[name].sample
    result, rows_in = outcome_of(name, tmp_path)
    assert result.rejected["reason"].to_list() == sample.rejected, result.rejected["detail"].to_list()
    assert [
        {key: row[key] for key in expected} for row, expected in zip(result.kept.to_dicts(), sample.rows, strict=True)
    ] == sample.rows
    assert result.kept.height + result.rejected.height == rows_in


@pytest.mark.parametrize("name", NAMES)
def test_a_format_knows_its_own_sample_by_its_fields_and_its_file_s_name(name: str, tmp_path: Path) -> None:
    from tasks.sources.field_mapping import find_value

    records, _ = read_sample(name, tmp_path)
    declared = FORMATS.shipped[name]
    values = [record.value for record in records if record.value is not None]
    assert all(any(find_value(value, path) is not None for value in values) for path in declared.known_by)
    first = Path(next(iter(declared.sample.files)))
    assert any(first.match(pattern) for pattern in declared.files)


def test_the_page_shows_a_format_of_one_s_own_that_does_what_it_says(tmp_path: Path) -> None:
    (text,) = [block.text for block in list_blocks(PAGE) if block.text.startswith("format: ours\n")]
    declared = parse_format(text, "ours.yaml")
    ((file, content),) = declared.sample.files.items()
    write_file(tmp_path / file, content)
    parameters = ImportParameters.model_validate(
        {"files": file, **declared.read.model_dump(exclude_unset=True), **declared.fields}
    )
    result = IMPORT.run(_read_all(find_sources(str(tmp_path / file), file)), parameters)
    assert result.kept.select(list(declared.sample.rows[0])).to_dicts() == declared.sample.rows


def test_an_unknown_format_says_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown format 'procesbench'; did you mean 'processbench'"):
        FORMATS.find("procesbench", tmp_path)
    with pytest.raises(ValueError, match=r"cannot be read \(No such file or directory\); check the path"):
        FORMATS.find("own.yaml", tmp_path)


def test_a_format_of_one_s_own_is_a_file_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "format: own\ntitle: Ours\nfiles: ['*.jsonl']\nknown_by: [q]\nfields: {question: q, answer: a}\n"
        "sample: {files: {a.jsonl: [{q: 1}]}, rows: [{question: '1'}]}\n"
    )
    parameters = LoadParameters.model_validate(
        {"format": "own.yaml", "files": "a.jsonl", "answer": "gold"}, context=dict(find_declarations(tmp_path))
    )
    result = LOAD.run([Record("a:1", {"q": "How?", "gold": 3}, context={"@file": "x/a.jsonl"})], parameters)
    assert result.kept.select("question", "answer", "set").rows() == [("How?", "3", "a")]


def test_a_format_with_faults_names_file_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("format: own\ntitle: Ours\nfiles: []\nfields: {}\nread: {row: x}\nwhat: 1\n")
    with pytest.raises(RecipeError) as error:
        FORMATS.find("own.yaml", tmp_path)
    text = str(error.value)
    assert "own.yaml:6: what: unknown parameter; there are fields, files, format" in text
    assert "known_by: is missing; add it" in text

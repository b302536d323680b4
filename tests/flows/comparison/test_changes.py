"""What became of rows between two releases is counted as it is, told apart from what cannot be compared, and bounded in a page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from errata.release.find import Release

from flows.comparison import changed_rows
from flows.comparison.changed_rows import choose_changed_rows
from flows.comparison.changes import Changes, compare_rows, measure_flips, summarize_changes
from flows.comparison.narrow_rows import ComparisonError, choose_view, open_view
from flows.report.build import list_columns
from flows.report.statistics.examples import NAME, shorten
from tasks.evaluation.score import wilson
from tests.flows.comparison.releases import COME, COUNTS, GONE, ROWS, make_row, make_rows, publish_rows


def compare(both: tuple[Release, Release], most: int | None = None) -> Changes:
    before, after = (open_view(release, release.views[0]) for release in both)
    return compare_rows(before, after, most)


@pytest.fixture(scope="module")
def changes(both: tuple[Release, Release]) -> Changes:
    return compare(both)


def list_truth() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Both sides of every row that is in both."""
    models = (("big@a1", "big@a1"), ("small@b1", "small@b2"))
    return [(make_row(n, old, False), make_row(n, new, True)) for n in range(GONE, ROWS) for old, new in models]


def test_every_row_is_counted_once_and_every_change_is_found(changes: Changes) -> None:
    summary, truth = summarize_changes(changes), list_truth()
    counts = summary["counts"]
    assert (counts["in_both"], counts["only_before"], counts["only_after"]) == tuple(COUNTS.values())
    assert (summary["rows_before"], summary["rows_after"]) == (2 * ROWS, 2 * (ROWS - GONE + COME))
    for name, column in (("verdict", "verdict"), ("step", "first_error"), ("type", "error_type")):
        assert counts[f"{name}_changed"] == sum(old[column] != new[column] for old, new in truth) > 0
    changed = [(old, new) for old, new in truth if any(old[c] != new[c] for c in ("verdict", "first_error", "error_type"))]  # fmt: skip
    assert (counts["changed"], counts["same"]) == (len(changed), len(truth) - len(changed))
    flips = [(old["verdict"], new["verdict"]) for old, new in truth]
    assert counts["flip"] == summary["flips"]["flips"] == flips.count(("right", "wrong")) > 0
    assert counts["fixed"] == flips.count(("wrong", "right")) > 0
    assert summary["flips"]["could"] == sum(old == "right" for old, _ in flips)
    assert dict(summary["rules"]) == {"id": ROWS - GONE, "problem, sampling and sample, of the other model": ROWS - GONE}  # fmt: skip
    assert summary["models"] == [["small@b1", "small@b2"]]
    assert summary["same_solutions"] == sum(old["steps"] == new["steps"] for old, new in truth)


def test_the_cells_of_a_picture_sum_to_all_rows_and_are_shown_as_the_page_shows_them(changes: Changes) -> None:
    cells = {(old, new): n for old, new, n in summarize_changes(changes)["labels"]["type"]["cells"]}
    truth = Counter((old["error_type"] or "none", new["error_type"] or "none") for old, new in list_truth())
    shown = {(shorten(old, NAME), shorten(new, NAME)): n for (old, new), n in truth.items()}
    assert {cell: n for cell, n in cells.items() if None not in cell} == shown
    assert sum(cells.values()) == sum(COUNTS.values())
    assert not any("\x00" in str(cell) or "\x1b" in str(cell) for cell in cells)


def test_the_interval_draws_whole_problems() -> None:
    def make(flips: list[list[bool]]) -> pl.DataFrame:
        rows = [(problem, "right", "wrong" if flip else "right", flip) for problem, row in enumerate(flips) for flip in row]  # fmt: skip
        return pl.DataFrame(rows, schema=["problem", "verdict_before", "verdict_after", "flip"], orient="row")

    apart = measure_flips(make([[n % 10 == 0] for n in range(400)]))
    together = measure_flips(make([[n % 10 == 0] * 8 for n in range(50)]))
    assert apart and together and apart["share"] == together["share"] == 0.1
    assert apart["interval"] == pytest.approx(wilson(40, 400), abs=0.01)
    assert together["interval"][1] - together["interval"][0] > 2 * (apart["interval"][1] - apart["interval"][0])
    none = measure_flips(make([[False]] * 20))
    assert none and none["interval"] == [round(end, 6) for end in wilson(0, 20)]
    assert measure_flips(make([]).with_columns(pl.col("verdict_before", "verdict_after").cast(pl.String))) is None


def test_a_release_of_mistakes_alone_says_that_nothing_could_flip(
    both: tuple[Release, Release], tmp_path: Path
) -> None:
    wrong = [make_rows(later).filter(pl.col("verdict") == "wrong") for later in (False, True)]
    releases = [publish_rows(str(tmp_path), "wrong", f"{i}.0.0", rows) for i, rows in enumerate(wrong, 1)]
    assert summarize_changes(compare((releases[0], releases[1])))["flips"] is None


def test_problems_are_told_apart_by_their_text_where_their_ids_are_of_another_kind(
    both: tuple[Release, Release], tmp_path: Path
) -> None:
    other = make_rows(True).with_columns(pl.col("problem_id").str.reverse(), pl.col("solution_id").str.reverse())
    result = compare((both[0], publish_rows(str(tmp_path), "other", "1.0.0", other)))
    assert result.by_question and result.matched == COUNTS["both"]


def test_releases_that_cannot_be_compared_are_told_apart_in_a_line(
    both: tuple[Release, Release], tmp_path: Path
) -> None:
    strange = make_rows(False).with_columns(
        pl.col("solution_id", "problem_id").str.reverse(), question=pl.lit("?") + pl.col("question").str.reverse()
    )
    elsewhere = publish_rows(str(tmp_path), "strange", "1.0.0", strange)
    with pytest.raises(ComparisonError) as error:
        compare((elsewhere, both[1]))
    assert str(error.value) == (
        "fruit@2.0.0 and strange@1.0.0 have no row in common: 124 of mistakes and 120 of mistakes, by id, by problem, model and "
        "sample, and by the problem's text; compare releases about the same problems"
    )
    named = publish_rows(str(tmp_path), "named", "1.0.0", make_rows(False), "steps")
    with pytest.raises(ComparisonError, match=r"named@1\.0\.0 has none of the views of fruit@2\.0\.0 \(mistakes\), but steps; compare"):  # fmt: skip
        choose_view(list_columns(both[1]), named, both[1].name)
    twice = publish_rows(str(tmp_path), "twice", "1.0.0", pl.concat([make_rows(False)] * 2))
    with pytest.raises(ComparisonError, match=r"twice@1\.0\.0: in its view mistakes a solution_id names several rows"):
        compare((twice, both[1]))


def test_of_large_releases_a_share_of_the_problems_is_compared_with_all_rows_of_each(
    both: tuple[Release, Release],
) -> None:
    part, whole = compare(both, most=100), compare(both)
    assert part.share == 100 / 244 and 0 < part.rows.height < whole.rows.height
    problems = set(part.rows["problem"])
    assert whole.rows.filter(pl.col("problem").is_in(problems)).equals(part.rows)


def test_a_page_holds_a_few_rows_of_each_kind_of_change(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = choose_changed_rows(changes)
    kinds = Counter(next(kind for kind in ("flip", "fixed", "step", "type", "before", "after", "same") if kind in row["kinds"]) for row in rows)  # fmt: skip
    assert kinds["flip"] == kinds["type"] == kinds["before"] == kinds["after"] == kinds["same"] == changed_rows.EACH
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert (row["before"] is None) == ("after" in row["kinds"]) and (row["after"] is None) == ("before" in row["kinds"])  # fmt: skip
        if row["before"] and row["after"]:
            assert row["before"]["question"] == row["after"]["question"]
            assert ("type" in row["kinds"]) == ((row["before"]["type"] or "none") != (row["after"]["type"] or "none"))
    monkeypatch.setattr(changed_rows, "BYTES", 20_000)
    assert 0 < len(choose_changed_rows(changes)) < len(rows)

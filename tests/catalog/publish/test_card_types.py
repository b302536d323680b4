"""What a card and `errata show` say of types: every figure of the manifest, and nothing that a name could break."""

from errata.cli import text

from catalog.publish.card_types import render_types

TRUTH = {
    "rows": 4, "decided": 3, "exact": 2, "macro_f1": 0.5, "f1": {"a": 0.8, "b|c": 0.2},
    "confusion": {"a": {"a": 2}, "b|c": {"a": 1, "undecided": 1}},
    "rules": {"rows": 4, "decided": 2, "exact": 2, "precision_interval": [0.34, 1.0]},
}  # fmt: skip
FOUND = {
    "table": "typed", "taxonomy": "own@1.0.0", "rows": 4, "typed": 3, "by": {"rule: sum": 2, "models": 1},
    "undecided": {"no majority": 1}, "types": {"a": 3, "undecided": 1}, "share": 0.75,
    "types_by_model": {"m": {"a": 1}, "n": {"a": 2, "undecided": 1}}, "types_by_set": {"s": {"a": 3, "undecided": 1}},
    "types_by_step": {}, "truth": TRUTH,
}  # fmt: skip


def test_the_card_tells_types_deciders_shifts_and_the_truth() -> None:
    lines = render_types([FOUND], 1)
    assert lines[0] == (
        "`typed`: 3 of 4 mistakes typed by `own@1.0.0`; by rule: sum 2, models 1. 1 of them are released. Undecided: no majority 1."
    )
    assert "Mean share of the votes for the type that was taken: 75.0 %." in lines
    assert "| a | 3 | 75.0 % |" in lines
    assert "| n | 3 | 67 | 33 |" in lines
    assert not any(line.startswith("| by set") for line in lines)  # one set shows no shift
    assert any("accuracy 50.0 % of 4, macro-F1 0.500; rules decide 50.0 %, of which 100.0 %" in line for line in lines)
    assert "| b/c | 1 |  | 1 | 0.20 |" in lines


def test_without_truth_or_types_nothing_is_said_of_them() -> None:
    lines = render_types([{key: value for key, value in FOUND.items() if key != "truth"} | {"share": None}], 1)
    assert not any("truth" in line or "Mean share" in line for line in lines)
    assert render_types([], 0) == []


def test_the_terminal_tells_the_same() -> None:
    shown = text.format_types([FOUND])
    assert "type (own@1.0.0)  mistakes     %    F1" in shown
    assert "accuracy 50.0 %, macro-F1 0.500; rules decide 50.0 %, 100.0 % of it rightly" in shown
    assert "(2) b|c" in shown
    assert text.format_types([]) == ""


ROUND = {"round": 1, "rows": 3, "known": 0, "proposed": 4, "undecided": 2, "types": 2}
NEWS = {
    "shift": {"model": 0.41, "set": None, "step": 0.05},
    "kappa": [{"labellers": ["rules", "b|g@r1"], "rows": 3, "cohen": 0.5, "interval": [0.1, 0.9]}, {"labellers": ["rules", "judge"], "rows": 2, "cohen": None}],
    "fleiss": 0.25, "votes": [{"model": "b|g@r1", "rows": 4, "fleiss": 0.75}],
    "found": {"source": "Found by proposals in 1 rounds.", "rounds": [ROUND], "candidate": 5, "new": 2, "merge": 2, "fold": 1},
    "truth": {"rows": 4, "decided": 3, "rand": 0.876, "confusion": TRUTH["confusion"]},
}  # fmt: skip


def test_card_and_terminal_tell_who_agrees_how_types_shift_and_how_they_were_found() -> None:
    lines = render_types([FOUND | NEWS], 1)
    assert "Cohen's kappa of rules and b/g@r1: 0.500 (0.100 to 0.900) (3 mistakes that both type)." in lines
    assert "Cohen's kappa of rules and judge: - (2 mistakes that both type)." in lines
    assert "Fleiss' kappa of all models: 0.250." in lines
    assert (
        "Votes of b/g@r1 repeat themselves (Fleiss' kappa; no agreement of independent raters): 0.750 (4 mistakes)."
        in lines
    )
    assert any("Cramér's V" in line and "model 0.41, step 0.05." in line for line in lines)
    assert "| 1 | 3 | 0 | 4 | 2 | 2 |" in lines
    assert any("Names proposed: 5; made types: 2; merged: 2; folded: 1." in line for line in lines)
    assert "Adjusted Rand index against the true types of 4 mistakes: 0.876." in lines
    assert not any("accuracy" in line or "F1" in line for line in lines)
    shown = text.format_types([FOUND | NEWS])
    for item in (
        "Cohen's kappa of types, rules and b|g: 0.500, 95 %: 0.10 to 0.90 (3 mistakes)", "Fleiss' kappa of types, all models: 0.250",
        "types depend on (Cramér's V): model 0.41, step 0.05", "5 names proposed, 2 merged, 1 folded: taxonomies/typed.yaml",
        "adjusted Rand index against the true types of 4 mistakes: 0.876",
    ):  # fmt: skip
        assert item in shown
    assert "accuracy" not in shown

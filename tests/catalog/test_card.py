"""What a card says of labels."""

from __future__ import annotations

from catalog.card import label_lines

LABELS = [
    {
        "table": "judged", "task": "judge", "how": "", "rows": 2000, "labelled": 1900, "named": 1800, "exact": 1620,
        "interval": [0.8853, 0.9130], "replies": 2000, "tokens": 123456,
    },
    {"table": "estimated", "task": "estimate", "how": "witness, 8 rollouts", "rows": 10, "labelled": 5, "replies": 3, "tokens": 4},
    {
        "table": "agreed", "task": "agree", "how": "", "rows": 0, "labelled": 0, "fleiss": 0.25,
        "kappa": [
            {"labellers": ["m", "estimation"], "rows": 7, "cohen": 0.5},
            {"labellers": ["m", "n"], "rows": 0, "cohen": None},
        ],
    },
]  # fmt: skip


def test_each_table_of_labels_has_its_line_and_each_pair_its_kappa() -> None:
    assert label_lines(LABELS)[4:] == [
        "| judged | judge | 2,000 | 1,900 (95 %) | 90.0 % (88.5-91.3) | 2,000 | 123,456 |",
        "| estimated | estimate, witness, 8 rollouts | 10 | 5 (50 %) | - | 3 | 4 |",
        "| agreed | agree | 0 | 0 (0 %) | - |  |  |",
        "",
        "Fleiss' kappa in agreed: 0.250.",
        "",
        "Cohen's kappa in agreed, m and estimation: 0.500 (7 solutions).",
        "",
        "Cohen's kappa in agreed, m and n: - (0 solutions).",
    ]

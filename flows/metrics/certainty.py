"""How sure labels are and what they cost, for people and for machines: reliability, the risk-coverage curve, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.metrics.narrow_table import format_narrow_table
from tasks.evaluation.calibration import Calibration
from tasks.evaluation.discrimination import Discrimination
from tasks.evaluation.score import Score, Share

NOTES = """\
said       the mean of the probabilities that labels that name a step have; of
           judges the share of their votes, of older rules their confidence
error      expected calibration error: said and exact apart, in ten bins
Brier      mean squared distance of what is said from 1 (exact) or 0 (not)
AUROC      how often an exact label is surer than another; 50 is as by chance
at least   labels that are so sure or surer; precision as above"""


def describe_share(share: Share) -> dict[str, Any]:
    """A share for machines."""
    return {"hits": share.hits, "of": share.of, "rate": share.rate, "interval": share.interval}


def describe_calibration(calibration: Calibration | None) -> dict[str, Any] | None:
    """A calibration for machines."""
    if calibration is None:
        return None
    return {
        "expected": calibration.expected, "measured": describe_share(calibration.exact), "ece": calibration.error, "gap": calibration.gap,
        "brier": calibration.discrimination.brier, "auroc": calibration.discrimination.auroc, "auroc_interval": calibration.discrimination.interval,
        "reliability": [
            {"from": part.low, "to": part.high, "labels": part.labels, "expected": part.expected, "exact": describe_share(part.exact)}
            for part in calibration.bins
        ],
        "risk_coverage": [
            {"at_least": point.at_least, "retention": describe_share(point.retention), "precision": describe_share(point.precision), "expected": point.expected}
            for point in calibration.curve
        ],
    }  # fmt: skip


def describe_cost(tokens: int | None, result: Score) -> dict[str, Any] | None:
    """Tokens of a labeller for each row that it labels, and for each exact label, with the interval of that; None where nobody knows."""
    if tokens is None:
        return None
    kept, exact = result.kept.hits, result.wrong.hits + result.right.hits
    low, high = Share(exact, kept).interval or (0.0, 0.0)
    return {
        "tokens": tokens,
        "per_kept_row": tokens / kept if kept else None,
        "per_right_row": tokens / exact if exact else None,
        "per_right_row_interval": [tokens / (kept * high), tokens / (kept * low)] if exact else None,
    }


def format_certainty(calibrations: Mapping[str, Calibration]) -> str:
    """Of each labeller how sure it is beside how often it is right, and what precision is had at which retention."""
    if not calibrations:
        return ""
    rows: list[list[object]] = [
        [
            name, calibration.exact.of, format_percent(calibration.expected), format_share(calibration.exact),
            format_percent(calibration.error), f"{calibration.discrimination.brier:.3f}", format_area(calibration.discrimination),
        ]
        for name, calibration in calibrations.items()
    ]  # fmt: skip
    tables = [format_narrow_table(["", "named", "said, %", "precision, %", "error, %", "Brier", "AUROC, %"], rows)]
    tables += [_format_reliability(name, calibration) for name, calibration in calibrations.items()]
    tables += [_format_curve(name, calibration) for name, calibration in calibrations.items()]
    return "\n\n".join([*tables, NOTES])


def _format_reliability(name: str, calibration: Calibration) -> str:
    rows: list[list[object]] = [
        [
            f"{100 * part.low:.0f}-{100 * part.high:.0f} %", part.labels, format_percent(part.expected), format_share(part.exact),
            "#" * round(20 * (part.exact.rate or 0)),
        ]
        for part in calibration.bins
    ]  # fmt: skip
    return format_narrow_table([name, "labels", "said, %", "exact, %", "100 % is 20 #"], rows)


def _format_curve(name: str, calibration: Calibration) -> str:
    rows: list[list[object]] = [
        [
            f"at least {point.at_least:.2f}", format_percent(point.retention.rate), format_share(point.precision),
            format_percent(point.expected),
        ]
        for point in calibration.curve
    ]  # fmt: skip
    return format_narrow_table([name, "of wrong, %", "precision, %", "said, %"], rows)


def format_costs(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """Of each labeller the tokens for each row that it labels, and for each exact label."""
    if not costs:
        return ""
    rows: list[list[object]] = []
    for name, cost in costs.items():
        low, high = cost["per_right_row_interval"] or (None, None)
        span = "" if low is None or high is None else f" ({low:,.0f}-{high:,.0f})"
        rows.append(
            [name, cost["tokens"], _format_number(cost["per_kept_row"]), _format_number(cost["per_right_row"]) + span]
        )
    return format_narrow_table(["tokens", "all", "for each kept row", "for each right one"], rows)


def _format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def format_percent(share: float | None) -> str:
    """A share in percent; a dash where it is not known."""
    return "–" if share is None else f"{100 * share:.1f}"


def format_area(discrimination: Discrimination) -> str:
    """An area under the ROC curve in percent with its 95 % interval; a dash where there are no two sides."""
    interval = discrimination.interval
    span = "" if interval is None else f" ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"
    return f"{format_percent(discrimination.auroc)}{span}"


def format_share(share: Share) -> str:
    """A share in percent with its 95 % interval; a dash of nothing."""
    interval = share.interval
    span = "" if interval is None else f" ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"
    return f"{format_percent(share.rate)}{span}"

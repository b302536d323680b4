"""Solutions in the words of the world: right ones, and ones with a mistake of a known kind made on purpose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from tasks.synthetic.program import Program, ProgramStep, Ref
from tasks.synthetic.truth import Kind

ANSWER = "#### "


@dataclass(frozen=True)
class WrittenStep:
    """One calculation as it is written: whole numbers, whether right or not."""

    left: int
    operator: str
    right: int
    result: int
    unit: str

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right} = {self.result} {self.unit}"


def write_solution(lines: Sequence[WrittenStep], answer: int) -> str:
    """A solution: numbered lines and the answer."""
    return "".join(f"{i}. {line}\n" for i, line in enumerate(lines, 1)) + f"{ANSWER}{answer}"


def list_steps(lines: Sequence[WrittenStep], answer: int) -> list[str]:
    """The steps of a written solution, as it is parted into them: the answer stands in the last."""
    *steps, last = [f"{i}. {line}" for i, line in enumerate(lines, 1)] or [""]
    return [*steps, f"{last}\n{ANSWER}{answer}"]


def solve_right(program: Program) -> tuple[list[WrittenStep], int]:
    """The solution that follows the program."""
    return _follow(program, 0, [], {})


def _follow(
    program: Program, start: int, lines: list[WrittenStep], values: dict[int, int]
) -> tuple[list[WrittenStep], int]:
    """Go on from node `start`; `values` are the results that stand so far, right or wrong."""
    for i in range(start, len(program.nodes)):
        line = _line(program, program.nodes[i], values)
        values[i] = line.result
        lines.append(line)
    return lines, values[len(program.nodes) - 1]


def list_remaining(program: Program, done: Collection[int]) -> tuple[list[WrittenStep], int]:
    """The right lines of the calculations that are not done yet, and the answer."""
    lines, answer = solve_right(program)
    return [line for i, line in enumerate(lines) if i not in done], answer


def _line(program: Program, node: ProgramStep, values: dict[int, int]) -> WrittenStep:
    left, second = _value(program, node.left, values), _value(program, node.right, values)
    return WrittenStep(left, node.operator, second, _apply(left, node.operator, second), node.unit)


def _value(program: Program, ref: Ref, values: dict[int, int]) -> int:
    if ref.kind == "s":
        return values[ref.at]
    return program.quantities[ref.at] if ref.kind == "q" else ref.at


def _apply(left: int, operator: str, second: int) -> int:
    """The result; what is not a whole number of things is written as the whole number below."""
    if operator == "/":
        return left // second if second else left
    return max(0, {"+": left + second, "-": left - second, "*": left * second}[operator])


WEIGHTS: dict[Kind, int] = {
    "calculation": 14, "wrong operand": 18, "misread quantity": 14, "miscopied result": 12, "wrong operation": 10,
    "missing step": 14, "extra step": 10, "unit": 5, "final answer": 3,
}  # fmt: skip


def solve_wrong(program: Program, random: Random) -> tuple[list[WrittenStep], int]:
    """A solution with one mistake, after which it goes on as if nothing were wrong.

    What kind of mistake it is, `truth.judge` says; now and then the change
    makes no difference and the solution is right.

    Args:
        program: The problem's program.
        random: From which the kind of mistake and its place come.

    Returns:
        The lines of the solution, and the answer it states.

    """
    kind = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    at = random.randrange(len(program.nodes))
    if kind == "final answer":
        lines, answer = solve_right(program)
        return lines, random.choice([line.result for line in lines[:-1]] or [answer + 1])
    values: dict[int, int] = {}
    lines = _before(program, at, values)
    node = program.nodes[at]
    if kind == "missing step":
        values[at] = _skipped(program, node, values)
        if at == len(program.nodes) - 1:
            return (lines, lines[-1].result) if lines else solve_right(program)
    else:
        changed = _changed(program, node, values, kind, random)
        lines.append(changed)
        values[at] = changed.result
        if kind == "extra step":
            operator = random.choice((changed.operator, "+", "-"))
            second = random.choice((changed.right, *program.quantities))
            again = WrittenStep(
                changed.result, operator, second, _apply(changed.result, operator, second), changed.unit
            )
            lines.append(again)
            values[at] = again.result
    return _follow(program, at + 1, lines, values)


def _before(program: Program, at: int, values: dict[int, int]) -> list[WrittenStep]:
    """The right lines of the nodes before one; their results go to `values`."""
    lines = []
    for i, node in enumerate(program.nodes[:at]):
        lines.append(_line(program, node, values))
        values[i] = lines[-1].result
    return lines


def _skipped(program: Program, node: ProgramStep, values: dict[int, int]) -> int:
    """What stands for the result of a calculation that was left out: the operand it would have changed."""
    return _value(program, node.left, values)


def _changed(program: Program, node: ProgramStep, values: dict[int, int], kind: Kind, random: Random) -> WrittenStep:
    """A node's line with a mistake of a kind in it."""
    line = _line(program, node, values)
    left, operator, second, unit = line.left, line.operator, line.right, line.unit
    if kind == "calculation":
        return WrittenStep(left, operator, second, make_slip(line.result, random), unit)
    if kind == "unit":
        units = [other for other in ("coins", "days", "boxes", "bags") if other != unit]
        return WrittenStep(left, operator, second, line.result, random.choice(units))
    if kind == "misread quantity":
        second = make_slip(second, random)
    elif kind == "miscopied result":
        left = make_slip(left, random)
    elif kind == "wrong operand":
        others = [q for q in program.quantities if q not in (left, second)]
        earlier = [v for v in values.values() if v not in (left, second)]
        if earlier and random.random() < 0.4:
            left = random.choice(earlier)
        elif others:
            second = random.choice(others)
    elif kind == "wrong operation":
        operator = random.choices([o for o in "+-*/" if o != operator], k=1)[0]
        if operator == "/" and (second == 0 or left % second):
            operator = "+" if line.operator == "-" else "-"
        if operator == "-" and left < second:
            operator = "*" if line.operator == "+" else "+"
    return WrittenStep(left, operator, second, _apply(left, operator, second), unit)


def make_slip(number: int, random: Random) -> int:
    """Another number that looks or feels like it: a digit off, a carry lost, digits swapped or dropped."""
    digits = str(number)
    choices = [number + step for step in (1, -1, 2, -2, 10, -10, 100) if step < number + 10]
    at = random.randrange(len(digits))
    choices += [int(digits[:at] + str(random.randrange(10)) + digits[at + 1 :]) for _ in range(3)]
    if len(digits) > 1:
        choices += [int(digits[::-1]), int(digits[:at] + digits[at + 1 :])]
    return random.choice([choice for choice in choices if choice > 0 and choice != number] or [number + 1])

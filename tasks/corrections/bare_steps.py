"""Steps without the mark of a final answer, which gives away on which side of a pair it stands."""

from __future__ import annotations

from tasks.split import ANSWER_LINE
from tasks.verify.marked_answers import find_boxes


def strip_answer(step: str) -> str:
    r"""A step without the line that gives the answer at its end (`#### 5`, `Answer: 5`), and what is boxed without its box.

    A solution that stops too early is wrong in its last step, which then bears a mark that the right step does not.
    RISE (arXiv 2410.06638) takes boxes off the rejected side alone, so that they tell which it is; here both lose theirs.

    Args:
        step: A step, as a model wrote it.

    Returns:
        What is left, stripped; empty where there was nothing but the answer.

    """
    lines = step.rstrip().split("\n")
    while lines and (not lines[-1].strip() or ANSWER_LINE.match(lines[-1])):
        lines.pop()
    text = "\n".join(lines)
    for content, _, begin, end in reversed(find_boxes(text)):
        text = text[:begin] + content + text[end:]
    return text.strip()

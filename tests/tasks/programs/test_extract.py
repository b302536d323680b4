"""The program in a completion: the last fenced block, or the whole; never half of one."""

import pytest

from tasks.programs.extract import complete_tests, extract_program

PROMPT = 'def double(x):\n    """Twice x."""\n'


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("So:\n```\nx = 1\n```\nor better\n```\nx = 2\n```\n", "x = 2\n"), ("x = 3", "x = 3"), ("```python\nx = 1\n```\n```python\nx = 2", None),
        ("", None), ("```py\nx = 4\n```", "x = 4\n"), ("```python\nprint(6)\n```\nprints\n```\n6\n```", "print(6)\n"),
        ("```text\n6\n```\n```Python\nx = 6\n```", "x = 6\n"), ("```java\nint x;\n```", None), ("```python\nx = 1\n```python\nx = 2\n```", None),
        ("```python\n" * 50_000, None),
    ],
)  # fmt: skip
def test_the_last_whole_block_is_the_program(text: str, program: str | None) -> None:
    assert extract_program(text) == program


def test_a_body_goes_on_from_the_prompt_and_a_whole_function_does_not() -> None:
    assert extract_program("    return 2 * x", PROMPT) == f"{PROMPT.rstrip()}\n    return 2 * x"
    assert extract_program("def double(x):\n    return 2 * x", PROMPT) == "def double(x):\n    return 2 * x"


def test_check_is_called_for_the_function_of_the_prompt() -> None:
    tests = "def check(candidate):\n    assert candidate(2) == 4\n"
    assert complete_tests(tests, PROMPT) == f"{tests}\ncheck(double)"
    assert complete_tests(f"{tests}\ncheck(double)", PROMPT) == f"{tests}\ncheck(double)"
    assert complete_tests("assert double(2) == 4", PROMPT) == "assert double(2) == 4"

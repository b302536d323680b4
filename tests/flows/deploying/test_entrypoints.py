"""Every flow can be loaded the way a deployment loads it: by path, with the real import error if there is one."""

import ast

import pytest
from prefect.flows import Flow, load_flow_from_entrypoint

from tests.command import ROOT


def entrypoints() -> list[str]:
    texts = []
    for path in sorted((ROOT / "flows").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and any("flow" in ast.unparse(item) for item in node.decorator_list):
                texts.append(f"flows/{path.name}:{node.name}")
    return texts


def test_there_is_the_build() -> None:
    assert "flows/build.py:build" in entrypoints()


@pytest.mark.parametrize("entrypoint", entrypoints())
def test_an_entrypoint_loads_without_a_placeholder(entrypoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    flow: Flow[..., object] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    assert flow.name == entrypoint.rsplit(":", 1)[1]
    assert "store" in flow.parameters.properties
    # Prefect's pages ask for parameters by these sentences
    assert all(item.get("description") for item in flow.parameters.properties.values())


def test_no_module_of_flows_hides_a_package() -> None:
    names = {path.stem for path in (ROOT / "flows").glob("*.py")}
    assert not names & {
        "tasks",
        "schemas",
        "catalog",
        "errata",
        "prefect",
        "openlineage",
        "datasets",
        "duckdb",
        "polars",
    }

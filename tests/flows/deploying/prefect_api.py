"""Prefect as a test sees it: through its API alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Api:
    """The API of a server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        return self._answer("GET", path, None).json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("POST", path, body).json()

    def patch(self, path: str, body: dict[str, Any]) -> None:
        self._answer("PATCH", path, body)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        """What the server answers; asked again, as Prefect's own client does, while its database is locked."""
        for _ in range(20):
            answer = httpx.request(method, f"{self.url}{path}", json=body, timeout=60)
            if answer.status_code != 503:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer

    def start(self, deployment: str, parameters: dict[str, Any]) -> str:
        """Ask for a run of a deployment (`flow/name`); its id."""
        result = self.get(f"/deployments/name/{deployment}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"/deployments/{result['id']}/create_flow_run", body)["id"])

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """The runs of a deployment."""
        result = self.get(f"/deployments/name/{deployment}")
        return list(self.post("/flow_runs/filter", {"deployments": {"id": {"any_": [result["id"]]}}}))

    def ended(self, run: str, seconds: float = 600) -> dict[str, Any]:
        """A run when it has ended."""
        result: dict[str, Any] = wait(
            lambda: outcome if (outcome := self.get(f"/flow_runs/{run}"))["state_type"] in ENDED else None, seconds
        )
        return result

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """The artifacts of a run, by their keys."""
        results = self.post("/artifacts/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {str(result["key"]): result for result in results}

    def units(self, run: str) -> list[dict[str, Any]]:
        """The task runs of a run."""
        return list(self.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}}))

    def log(self, run: str) -> str:
        """What a run logged."""
        results = self.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return "\n".join(result["message"] for result in results)


def wait(look: Callable[[], Any], seconds: float) -> Any:
    """What `look` gives when it gives something."""
    until = time.monotonic() + seconds
    while not (result := look()):
        assert time.monotonic() < until, f"nothing came within {seconds:.0f} s"
        time.sleep(0.2)
    return result

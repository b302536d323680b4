import pytest
from errata.release.find import Release

from tests.flows.comparison.releases import publish_both


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Release]:
    """Two releases that differ in every way."""
    return publish_both(str(tmp_path_factory.mktemp("fruit") / "store"))

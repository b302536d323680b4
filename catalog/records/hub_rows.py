"""The rows of a data set on the Hub, or of a local folder of its form, as `datasets` reads them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.records.record import make_record
from catalog.sources import Source, SourceError, split_hub_url
from schemas.task import Record


def read_hub_rows(source: Source) -> Iterator[tuple[Record, float]]:
    """The rows of one split in order, with the share of them read so far."""
    import datasets

    repository, revision, config, split = split_hub_url(source.url, source.name)
    try:
        rows = datasets.load_dataset(repository, config, split=split, revision=revision, streaming=True)
        total = (rows.info.splits or {}).get(split)
        expected = total.num_examples if total and total.num_examples else 0
        for number, row in enumerate(rows, 1):
            record = make_record(f"{source.name}:{number}", row, source.reading.record_limit)
            yield record, min(1.0, number / expected) if expected else 0.5
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise SourceError(
            f"{source.name}: `datasets` cannot load it ({reason}); check name, revision and split"
        ) from None

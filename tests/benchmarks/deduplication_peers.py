"""Near-duplicates by others: run by the Python of a peer's environment, `deduplication_peers.py PEER TEXTS COUNT`.

Reads JSON lines with `text`, and prints one JSON line: the seconds from texts to
candidates (of datatrove: to the filtered texts), of them those of shingling, and
the processor's seconds.
"""

import json
import re
import sys
import tempfile
import time

SHINGLE = 5
THRESHOLD = 0.8
PERMUTATIONS = 128
WORD = re.compile(r"[0-9a-z]+|[-+*/=<>%^|]")


def shingles(text: str) -> list[str]:
    """The runs of five words of a text."""
    words = WORD.findall(text.lower())
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]


def timed(texts: list[str]) -> tuple[list[list[str]], float]:
    """The shingles of all texts, and the seconds that took."""
    begun = time.perf_counter()
    return [shingles(text) for text in texts], time.perf_counter() - begun


def rensa(texts: list[str]) -> tuple[int, float]:
    """R-MinHash by its fastest interface, which only flags the texts that share a band with another."""
    from rensa import RMinHash, RMinHashLSH

    shingled, spent = timed(texts)
    matrix = RMinHash.digest_matrix_from_token_sets(shingled, PERMUTATIONS, 42)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    return sum(index.insert_matrix_and_query_duplicate_flags(matrix, 0)), spent


def datasketch(texts: list[str]) -> tuple[int, float]:
    """MinHash and MinHashLSH, text by text as its documentation shows."""
    from datasketch import MinHash, MinHashLSH

    shingled, spent = timed(texts)
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    number = 0
    for i, item in enumerate(shingled):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in item])
        number += len(index.query(sketch))
        index.insert(i, sketch)
    return number, spent


def datatrove(texts: list[str]) -> tuple[int, float]:
    """The four stages of MinHash deduplication, in one process: to start two takes longer than they save here."""
    from datatrove.data import Document
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
    documents = [Document(text=text, id=str(i)) for i, text in enumerate(texts)]

    with tempfile.TemporaryDirectory() as place:
        stages = (
            ([documents, MinhashDedupSignature(f"{place}/signatures", config=config)], 1),
            ([MinhashDedupBuckets(f"{place}/signatures", f"{place}/buckets", config=config)], config.num_buckets),
            ([MinhashDedupCluster(f"{place}/buckets", f"{place}/removed", config=config)], 1),
            ([documents, MinhashDedupFilter(f"{place}/removed")], 1),
        )
        for number, (pipeline, tasks) in enumerate(stages):
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{place}/logs-{number}").run()
    return 0, 0.0


PEERS = {"rensa": rensa, "datasketch": datasketch, "datatrove": datatrove}


def main() -> None:
    """Time a peer."""
    peer, place, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(place) as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(count))]
    PEERS[peer](texts[:50])  # its first call imports and compiles
    begun, worked = time.perf_counter(), time.process_time()
    candidates, shingling = PEERS[peer](texts)
    values = {
        "texts": len(texts),
        "seconds": time.perf_counter() - begun,
        "worked": time.process_time() - worked,
        "shingling": shingling,
        "candidates": candidates,
    }
    print(json.dumps(values))


if __name__ == "__main__":
    main()

"""Near-duplicates by others: run by the Python of a peer's environment, `deduplication_peers.py PEER TEXTS COUNT`.

Reads JSON lines with `id` and `text`, and prints one JSON line: the seconds from
texts to candidate pairs (of datatrove: to the filtered texts), the pairs.
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


def rensa(texts: list[str]) -> set[tuple[int, int]]:
    """R-MinHash by the batch interface, LSH candidates of every text."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_token_sets([shingles(text) for text in texts], PERMUTATIONS, 42)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    index.insert_matrix(matrix, 0)
    sketches = RMinHash.from_token_sets([], PERMUTATIONS, 42)
    del sketches
    return set(index.query_duplicate_flags_matrix(matrix)) and set()


def datasketch(texts: list[str]) -> set[tuple[int, int]]:
    """MinHash and MinHashLSH, text by text as its documentation shows."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    found = set()
    for i, text in enumerate(texts):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([one.encode() for one in shingles(text)])
        found |= {(int(other), i) for other in index.query(sketch)}
        index.insert(i, sketch)
    return found


def datatrove(texts: list[str]) -> set[tuple[int, int]]:
    """The four stages of MinHash deduplication on one machine, two workers."""
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
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=2, logging_dir=f"{place}/logs-{number}").run()
    return set()


PEERS = {"rensa": rensa, "datasketch": datasketch, "datatrove": datatrove}


def main() -> None:
    """Time a peer."""
    peer, place, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(place) as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(count))]
    PEERS[peer](texts[:50])  # its first call imports and compiles
    begun = time.perf_counter()
    pairs = PEERS[peer](texts)
    print(json.dumps({"texts": len(texts), "seconds": time.perf_counter() - begun, "pairs": len(pairs)}))


if __name__ == "__main__":
    main()

"""vLLM without us: the same chats through `LLM.chat`, run by path under the Python that has vLLM.

Reads one JSON object from its input (options, chats, sampling), and writes
one as the last line of its output: seconds to load and to answer, tokens.
"""

import json
import runpy
import sys
import time


def main() -> None:
    given = json.load(sys.stdin)
    worker = runpy.run_path(given["worker"])
    import vllm

    began = time.perf_counter()
    llm = vllm.LLM(**worker["choose_options"](given["options"]))
    loaded = time.perf_counter()
    outputs = llm.chat(
        given["chats"], [vllm.SamplingParams(**sampling) for sampling in given["sampling"]], use_tqdm=False
    )
    ended = time.perf_counter()
    answers = [output.outputs[0] for output in outputs]
    # as we count: the end mark is no token of the text
    tokens = sum(len(answer.token_ids) - (answer.finish_reason == "stop") for answer in answers)
    print(json.dumps({"load": loaded - began, "seconds": ended - loaded, "tokens": tokens}))


if __name__ == "__main__":
    main()

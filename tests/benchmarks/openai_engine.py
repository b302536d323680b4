"""How fast the engine `openai` asks, beside a bare asynchronous loop: `python -m tests.benchmarks.openai_engine`.

Both ask the same server the same, in turns; the figure is the median of the
rounds' ratios. The server is a stand-in in a process of its own that answers
after a while, or with `--url` and `--model` a real one on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection

import httpx
from rich.console import Console
from rich.table import Table

from schemas.recipe.models import OpenAI
from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.openai.body import make_body
from tasks.engines.openai.engine import OpenAIEngine

TEXT = "6 * 9 = 54 tulips stand in the bed. " * 10
LEAST = 0.9
"""The share of the bare loop's speed that the engine is to reach."""


def serve(port: Connection, seconds: float) -> None:
    """Answer every request after so many seconds, until the process is ended."""
    answer = json.dumps(
        {
            "model": "stand-in",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 60, "completion_tokens": 120},
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n".encode()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                headers = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                await asyncio.sleep(seconds)
                writer.write(head + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def ask_bare(url: str, requests: list[Request], concurrency: int) -> int:
    """Tokens that a bare loop gets: as many workers as requests may be under way, and nothing else."""

    async def run() -> int:
        waiting, tokens = iter(requests), 0
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(limits=limits, timeout=600, trust_env=False) as client:

            async def work() -> None:
                nonlocal tokens
                for request in waiting:
                    response = await client.post(f"{url}/chat/completions", content=make_body(request))
                    value = response.json()
                    assert value["choices"][0]["message"]["content"] is not None
                    tokens += value["usage"]["completion_tokens"]

            async with asyncio.TaskGroup() as workers:
                for _ in range(concurrency):
                    workers.create_task(work())
        return tokens

    return asyncio.run(run())


def ask_engine(model: OpenAI, requests: list[Request]) -> int:
    """Tokens that the engine gets."""
    with closing(OpenAIEngine(model)) as engine:
        return sum(reply.tokens for reply in engine.answer(requests) if isinstance(reply, Completion))


def measure(model: OpenAI, count: int, rounds: int, max_tokens: int) -> float:
    """Print the tokens a second of both in each round, and give the median of the ratios."""
    table = Table("round", "bare loop, tokens/s", "engine, tokens/s", "engine / bare loop", title=f"{count} requests")
    ratios = []
    for number in range(rounds):
        speeds = {}
        for name in ("bare", "engine") if number % 2 else ("engine", "bare"):
            questions = [f"{number}.{i} How many tulips?" for i in range(count)]
            requests = [
                Request(model.model, "", (Message("user", question),), Sampling(max_tokens)) for question in questions
            ]
            begun = time.perf_counter()
            tokens = ask_bare(model.url, requests, model.concurrency) if name == "bare" else ask_engine(model, requests)
            speeds[name] = tokens / (time.perf_counter() - begun)
        ratios.append(speeds["engine"] / speeds["bare"])
        table.add_row(str(number + 1), f"{speeds['bare']:,.0f}", f"{speeds['engine']:,.0f}", f"{ratios[-1]:.2f}")
    Console().print(table)
    return statistics.median(ratios)


def main() -> int:
    """Measure, and fail where the engine is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a real server, up to /v1")
    parser.add_argument("--model", default="stand-in")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--latency", type=float, default=0.25, help="seconds that the stand-in takes")
    arguments = parser.parse_args()
    here, there = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=serve, args=(there, arguments.latency), daemon=True)
    if arguments.url is None:
        server.start()
    url = arguments.url or f"http://127.0.0.1:{here.recv()}/v1"
    model = OpenAI(engine="openai", model=arguments.model, url=url, concurrency=arguments.concurrency, timeout=600.0)
    ratio = measure(model, arguments.requests, arguments.rounds, arguments.max_tokens)
    if arguments.url is None:
        server.kill()
    print(f"engine / bare loop: {ratio:.2f} (median of {arguments.rounds}; at least {LEAST} is asked)")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())

"""The vllm engine: vLLM, offline, in a process of its own."""

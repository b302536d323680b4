"""The python engine: programs are requests, and what they do within a sandbox is the answer."""

"""Programs as answers: found in completions, run in the sandbox, judged by what they do, and right as far as their states are."""

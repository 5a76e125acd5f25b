"""What it costs, against the peers: `python -m benchmarks`."""

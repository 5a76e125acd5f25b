"""The way to the prosecutor: an HTTP contract (docs/gateway.md), its client, and a reference server."""

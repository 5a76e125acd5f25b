"""The reference server of the gateway's contract: persistent, and scriptable to do what goes wrong in practice."""

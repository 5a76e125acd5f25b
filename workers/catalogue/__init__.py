"""The catalogue: what people look things up in, projected from events by the record."""

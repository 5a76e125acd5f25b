"""Links to submitted footage: who may open one, what it shows, and how the bytes leave."""

"""What wants a person: one table of alarms over figures, told once and once more when it is over."""

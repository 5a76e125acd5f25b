"""What the board shows: figures from the database and from the docks' own pictures; nothing here changes anything."""

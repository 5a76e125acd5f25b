"""The dock: finding cameras, measuring and serving their recordings, checking receipts, erasing."""

"""Packages: a submission as a BagIt folder that opens and is checked anywhere, without network and without us."""

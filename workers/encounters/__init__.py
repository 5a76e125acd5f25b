"""Encounters: stops, searches and the use of force, set against the clips of each officer who was there."""

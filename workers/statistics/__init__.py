"""Figures that can be published: made from the custody log at a checkpoint, by SQL that is published as it is."""

"""Scrutiny: what a panel and supervisors look at by lot, what professional standards look at, complaints."""

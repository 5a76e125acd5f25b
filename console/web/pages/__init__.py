"""The pages, one module each: every module has `PAGES`, the rows that it adds to the table in console/web/app.py.

A page is a coroutine function from a Visit to a Response; `visit.show("name.html", {...})` renders a template of
console/web/templates that extends "base.html" (blocks: title, head, body).
"""

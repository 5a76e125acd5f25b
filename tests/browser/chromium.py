"""The machine's Chromium, for pages that are served here; and axe, which looks for what some people cannot use."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""WCAG 2.2 AA, as axe tags it, and what axe counts as good practice besides."""

_LOOK = """async wanted => {
  const told = await axe.run(wanted);
  return [told.violations, told.passes.map((one) => one.id)];
}"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser. Without one on this machine: skipped here, failed in CI."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the PATH; .ci/run installs it")
        pytest.skip("no Chromium on the PATH")
    async with async_playwright() as playwright:
        # As root Chromium has no sandbox of its own; what it opens here is ours.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


def complaints_of(page: Page) -> list[str]:
    """What the browser complains of from now on: faults of scripts, and what the page's own policy forbids."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if "Security" in said.text else None)
    return found


async def looked_at(page: Page, rules: Iterable[str] = ()) -> tuple[list[str], set[str]]:
    """Let axe look at the page as it is.

    Args:
        rules: only these; all of WCAG 2.2 AA otherwise.

    Returns:
        What is wrong, each with where; and the rules that found something to look at.
    """
    if not await page.evaluate("typeof window.axe === 'object'"):
        await page.evaluate(AXE_SCRIPT)
    # Neither where each node lies nor what passed is asked for: that was a quarter of what a look costs.
    wanted: dict[str, Any] = {
        "rules": {"target-size": {"enabled": True}},
        "resultTypes": ["violations"],
        "selectors": False,
        "runOnly": list(rules) or WCAG,
    }
    violations, passed = await page.evaluate(_LOOK, wanted)
    wrong = [f"{one['id']}: {_said(node)}" for one in violations for node in one["nodes"]]
    return wrong, {*passed, *(one["id"] for one in violations)}


def _said(node: dict[str, Any]) -> str:
    """Where, and why."""
    why = "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
    return f"{node['html'][:160]} ({why})"

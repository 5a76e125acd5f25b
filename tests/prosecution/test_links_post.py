"""How codes leave: by a relay that speaks SMTP, or as files; and what commands show of links."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.messages import encode
from tests.pipeline.pipeline import Said, command
from tests.prosecution.linked import ADDRESS, URN, Linked
from workers.errors import ConfigurationInvalid, MailAway
from workers.keys.statements import now_iso
from workers.mail import post_of
from workers.prosecution.links.post import code_message

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@asynccontextmanager
async def relay(answer: str = "250 taken") -> AsyncIterator[tuple[str, list[str]]]:
    """A relay as RFC 5321 has it; yields its address and everything that it was told.

    Args:
        answer: to a message.
    """
    heard: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            heard.append(line)
            word = line.split(" ")[0].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                heard.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(f"{answer}\r\n".encode())
            else:
                writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 yes\r\n")
            if word == "QUIT":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
        await server.wait_closed()


async def test_a_code_leaves_by_the_relay_to_one_address_alone(tmp_path: Path) -> None:
    async with relay() as (where, heard):
        message = code_message("evidence@force.example", ADDRESS, "12345678", 15, NOW)
        await asyncio.to_thread(post_of(where, tmp_path), message)
    assert [line.lower() for line in heard if line.upper().startswith(("MAIL", "RCPT"))] == [
        "mail from:<evidence@force.example>" + heard[1].lower().partition(">")[2],
        f"rcpt to:<{ADDRESS}>",
    ]
    [said] = [line for line in heard if "1234 5678" in line]
    assert "Auto-Submitted: auto-generated" in said and "15 minutes" in said and URN not in said


async def test_a_relay_that_is_away_or_refuses_is_said_so_without_the_address(tmp_path: Path) -> None:
    message = code_message("evidence@force.example", ADDRESS, "12345678", 15, NOW)
    async with relay("554 no") as (where, _):
        with pytest.raises(MailAway, match="SMTPDataError") as refused:
            await asyncio.to_thread(post_of(where, tmp_path), message)
    with pytest.raises(MailAway, match="Error") as away:
        await asyncio.to_thread(post_of(where, tmp_path), message)  # it has closed
    with pytest.raises(MailAway, match="`mail` is empty"):
        post_of("", tmp_path)(message)
    assert not any(ADDRESS in str(fault.value) or "1234" in str(fault.value) for fault in (refused, away))
    with pytest.raises(ConfigurationInvalid, match="expected smtp://host:port"):
        post_of("smtp://", tmp_path)


def test_a_message_takes_no_second_header_from_an_address() -> None:
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        code_message("evidence@force.example", "a@b.example\r\nBcc: c@d.example", "12345678", 15, NOW)


async def test_commands_show_links_and_who_looked(linked: Linked, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        f'database = "{linked.settings.database}"\nnamespace = "{linked.settings.namespace}"\n'
    )

    async def bwv(*words: str) -> Said:
        return await asyncio.to_thread(command, ["--home", str(tmp_path), "link", *words])

    link = await linked.link(await linked.item(1, b"0123"))
    link_of = await linked.id_of(link)
    await (await linked.opened(link)).media(link)
    await recorded(linked)

    [one] = (await bwv("list", "--case", URN.lower(), "--json")).json
    assert (one["link_id"], one["address"], one["urn"]) == (link_of, ADDRESS, URN)
    assert link.rpartition("/")[2] not in str(one)
    assert (await bwv("list", "--case", "02CD0012326", "--json")).json == []
    shown = (await bwv("show", one["submission_id"], "--json")).json
    assert shown["url"].endswith(link) and shown["state"] == "open"
    seen = [(each["what"], each["reference"], each["holder"]) for each in shown["opened"]]
    assert seen == [("play", "JS/1", ADDRESS)]
    await linked.change(link)
    text = (await bwv("show", link_of)).out
    assert "revoked by ADMIN" in text and ADDRESS in text and "JS/1" in text
    for words in (("show", "link-nobody"), ("readdress", link_of, "a@b.example, c@d.example", "--reason", "x")):
        said = await bwv(*words)
        assert said.code == 2, said


async def recorded(linked: Linked) -> None:
    """What was told, as the record has it."""
    for number, opened in enumerate(linked.told):
        await linked.sql(
            "INSERT INTO custody (index, event_id, type, verb, time, entry, leaf, payload, salt, topic, partition,"
            ' "offset") VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s)',
            number, f"evt-{number}", "links.opened", "disclosure", now_iso(), "{}", b"", encode(opened), b"",
            "links.opened", number,
        )  # fmt: skip

"""Running ffprobe and ffmpeg on what a camera recorded: every file is hostile.

A program runs in a process of its own, niced, under limits of memory, time and output. Where bubblewrap is there and
this machine lets it make namespaces, it sees nothing but itself, the files that it was given, and no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

OUTPUT = 1 << 20
"""Bytes of an answer that are read, where nothing else is said."""

Taken = Callable[[bytes], Awaitable[None]]
"""Gets a program's standard output piece by piece."""


class Limits(Struct, frozen=True):
    """What a program may use.

    Attributes:
        memory: bytes of address space.
        processor: seconds of processor time.
        written: bytes of any file that it writes; 0: it writes none.
        wall: seconds until it is killed.
        output: bytes of standard output and of complaints, each; a program that writes more is killed.
    """

    memory: int
    processor: int
    written: int
    wall: float
    output: int = OUTPUT


class Cell(Struct, frozen=True):
    """The files that a program is given.

    Attributes:
        media: read only; absolute, and its name is ours.
        out: folder that it may write to; None: it writes nothing.
        walls: whether bubblewrap hides everything else; see `sandbox_works`.
    """

    media: Path
    out: Path | None
    walls: bool

    @property
    def media_inside(self) -> str:
        """The media's path as the program sees it."""
        return "/media" if self.walls else str(self.media.resolve())

    @property
    def out_inside(self) -> str:
        """The folder's path as the program sees it."""
        return "/out" if self.walls or self.out is None else str(self.out.resolve())


class Ended(Struct, frozen=True):
    """How a program ended.

    Attributes:
        code: None if it was killed, for its time or its output.
    """

    code: int | None
    out: bytes
    complaint: bytes


def command(argv: list[str], cell: Cell, limits: Limits) -> list[str]:
    """The whole command.

    Args:
        argv: the program's absolute path and its arguments, with paths as the cell says them.
    """
    shell = ["nice", "-n", "19"]
    if prlimit := shutil.which("prlimit"):
        shell += [prlimit, f"--as={limits.memory}", f"--cpu={limits.processor}", "--nofile=64"]
        shell += [f"--fsize={limits.written}", "--core=0"]
    if not cell.walls:
        return [*shell, *argv]
    given = ["--ro-bind", str(cell.media.resolve()), "/media"]
    if cell.out is not None:
        given += ["--bind", str(cell.out.resolve()), "/out"]
    return [*shell, *_bwrap(argv[0]), *given, "--", *argv]


def _bwrap(program: str) -> list[str]:
    bound = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for path in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives"):
        bound += ["--ro-bind-try", path, path]
    # The empty /tmp comes first: the program itself may lie below it.
    return [*bound, "--tmpfs", "/tmp", "--ro-bind-try", program, program, "--proc", "/proc", "--dev", "/dev"]


async def sandbox_works() -> bool:
    """Whether bwrap is there and this machine lets it make namespaces; many containers do not."""
    if shutil.which("bwrap") is None:
        return False
    return (await run([*_bwrap("/usr/bin/true"), "--", "/usr/bin/true"], wall=5.0)).code == 0


async def version_of(program: str) -> str | None:
    """`ffprobe <version>` or `ffmpeg <version>`, or None if it does not run."""
    ended = await run([program, "-version"], wall=10.0)
    words = ended.out.decode("utf-8", "replace").split()
    return f"{words[0]} {words[2]}" if ended.code == 0 and len(words) > 2 else None


async def run(argv: list[str], *, wall: float, output: int = OUTPUT, taken: Taken | None = None) -> Ended:
    """Run a program with an empty environment.

    Args:
        taken: gets its standard output, which is not kept then.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        return Ended(127, b"", str(error).encode())

    def kill() -> None:
        # Its whole session: nice, prlimit and bwrap stand before it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    try:
        async with asyncio.timeout(wall):
            out, complaint = await asyncio.gather(
                _bounded(process.stdout, output, kill) if taken is None else _passed(process.stdout, taken),
                _bounded(process.stderr, output, kill),
            )
            code = await process.wait()
    except TimeoutError:
        return Ended(None, b"", b"")
    finally:
        if process.returncode is None:
            kill()
            # Reads the rest away: asyncio does not see the end of a process whose pipe is still full.
            await process.communicate()
    return Ended(code, out, complaint) if max(len(out), len(complaint)) <= output else Ended(None, b"", b"")


async def _bounded(stream: asyncio.StreamReader | None, most: int, kill: Callable[[], None]) -> bytes:
    """Read to the end, keep at most one byte above `most`; a program that writes more is killed."""
    seen = bytearray()
    while stream is not None and (piece := await stream.read(1 << 16)):
        seen += piece[: most + 1 - len(seen)]
        if len(seen) > most:
            kill()
    return bytes(seen)


async def _passed(stream: asyncio.StreamReader | None, taken: Taken) -> bytes:
    while stream is not None and (piece := await stream.read(1 << 16)):
        await taken(piece)
    return b""

"""`bwv`: one command, its verbs in one table. A verb's module is read only when it is used."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from workers.errors import BwvError, ConfigurationInvalid, NameInvalid, PartUnreachable, PassingFault

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo:demo", "The main job on this machine, from docked camera to closing ledger."),
    "up": ("stack:up", "Start the local stack, all stages and a dock; returns when all is ready."),
    "down": ("stack:down", "Stop what `bwv up` started; nothing is lost."),
    "status": ("status:status", "What runs, which bays may be taken, how many clips stand where."),
    "lag": ("lag:lag", "How far behind each stage is, whether it lives, and when the backlog is over."),
    "alarms": ("alarms:alarms", "What wants a person now, what to do about it, and who has it in hand."),
    "stage": ("stages:stage", "Run one stage in the foreground, as a service does."),
    "dock": ("stages:dock", "Run a dock over a folder whose subfolders are bays."),
    "topics": ("topics:topics", "Create the topics, or show what would change."),
    "store-check": ("store:store_check", "Check what ingest depends on at the object store."),
    "keys": ("keys:keys", "Make, enrol, revoke and list the keys of docks, cameras and people."),
    "cameras": ("cameras:cameras", "Issue a camera to an officer and take it back; list cameras."),
    "urgent": ("cameras:urgent", "Put a camera, or whatever stands in a bay, into the urgent lane."),
    "trace": ("clips:trace", "The history of one clip: who, what, why, when."),
    "explain": ("explain:explain_command", "Why a clip is kept, in the bin or deleted, now or at any past moment."),
    "disposals": ("auditing:disposals", "What was deleted on a day, by which decision, and the proof."),
    "categorise": ("categorise:categorise", "Give clips a category, or confirm one that is kept for less long."),
    "correct-time": ("categorise:correct_time", "Say when a clip was recorded, where the camera's clock was wrong."),
    "reviews": ("reviews:reviews", "Retention reviews: a long period is over, and a person decides."),
    "custody": ("custody:custody", "The custody log: signed head, proofs for anybody, a check of the whole."),
    "rebuild": ("rebuild:rebuild_command", "Make the database again from the vault, Kafka and the store."),
    "attribute": ("clips:attribute", "Correct whose clip it is, with a reason."),
    "ledger": ("clips:ledger", "Declared = wiped + quarantined + left on the camera, recording by recording."),
    "verify": ("verify:verify", "Read stored clips again in full and compare them with what the dock signed."),
    "reconcile": ("reconcile:reconcile", "Declared, custody log and vault compared; a signed statement."),
    "quarantine": ("quarantine:quarantine", "Recordings whose bytes are not the declared ones; a person decides."),
    "retention": ("retention:retention", "Policies: what is in force, what another would change, what goes next."),
    "dead-letters": ("dead_letters:dead_letters", "Messages that could not succeed, with their original bytes."),
    "submit": ("submit:submit", "Submit a batch of exhibits to the CPS, the defence or a data subject."),
    "submissions": ("submissions:submissions", "Where each submission stands, and what its recipient has received."),
    "derive": ("derive:derive", "A range, a still, a playback copy or a redaction of a clip."),
    "case": ("case:case", "Cases: clocks, defendants, exhibits, outcomes, and until when they are kept."),
    "hold": ("hold:hold", "Keep clips whatever their period: place, lift, list and show holds."),
    "package": ("package:package", "Submissions as folders that open anywhere, offline, and are checked without us."),
    "subject-access": ("subject_access:subject_access", "Requests by people for footage of themselves, each in time."),
    "training": ("training:training", "Footage for training: redacted, approved by a second person, expiring."),
    "serve": ("serve:serve", "Serve the board: bays, pipeline, clips, an officer's own; until SIGTERM."),
    "people": ("people:people", "Who may sign in to the board, with which roles; who may see a clip."),
    "viewing": ("viewing:viewing", "Locks on viewing: nobody plays an incident's clips, or officers' of a period."),
    "encounters": ("encounters:encounters", "Stops and uses of force, what of them is not filmed, and why."),
    "panel": ("panel:panel", "Scrutiny panels: drawn by lot that anybody can repeat, graded, returned."),
    "dip-sample": ("dip_sample:dip_sample", "A supervisor's monthly sample, drawn by lot; results are kept."),
    "complaint": ("complaint:complaint", "Complaints: keep what they are about, the receipt, the outcome, the end."),
    "misuse": ("misuse:misuse", "What may be misuse of footage; for professional standards alone."),
    "stats": ("stats:stats", "Figures that can be published, with the query that made them."),
    "gateway-stub": ("gateway:gateway_stub", "Be the prosecutor's gateway for a trial, scriptable to go wrong."),
    "link": ("link:link", "Links to submitted footage: who may open them, who has, and an end to them."),
}  # fmt: skip
"""Verb → where it lives and its one line of help."""

MORE = {
    "retention": ("bin:restore", "bin:early", "bin:sweeps", "bin:approve_sweep", "bin:refuse_sweep"),
    "people": (
        "people_clips:name",
        "people_clips:open_clip",
        "people_clips:lock",
        "people_clips:unlock",
        "people_tokens:token",
    ),
}
"""Verb that is a group → its commands that live in another module."""

EXIT_CODES = "Exit codes: 0 done · 1 found a problem · 2 wrong use or setting · 3 cannot reach a part"


def _loaded(place: str) -> click.Command:
    """The command at `module:name`."""
    module, name = place.split(":")
    command: click.Command = getattr(importlib.import_module(f"console.cli.{module}"), name)
    return command


def _say_exit_codes(command: click.Command) -> None:
    """End the help of a command, and of all under it, with the exit codes."""
    command.epilog = EXIT_CODES
    for child in getattr(command, "commands", {}).values():
        _say_exit_codes(child)


class Verbs(click.Group):
    """Finds a verb in the table and imports its module only then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module."""
        if cmd_name not in VERBS:
            return None
        command = _loaded(VERBS[cmd_name][0])
        if isinstance(command, click.Group):
            for more in MORE.get(cmd_name, ()):
                command.add_command(_loaded(more))
        _say_exit_codes(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List verbs from the table, so that help reads no module."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=Verbs, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", envvar="BWV_HOME", type=click.Path(), help="Folder of the local stack [default: .bwv].")
@click.option("-v", "--verbose", is_flag=True, help="Show the trace of an error.")
@click.version_option(package_name="bwv-ingest")
@click.pass_context
def cli(context: click.Context, home: str | None, verbose: bool) -> None:
    """Body-worn video from the docking station to the prosecutor, with proof at every step."""
    context.obj = {"home": home, "verbose": verbose}


def exit_code_of(error: BaseException) -> int:
    """The documented exit code for an error."""
    if isinstance(error, PartUnreachable | PassingFault):
        return 3
    if isinstance(error, click.UsageError | ConfigurationInvalid | NameInvalid):
        return 2
    return 1


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run a command; every error becomes one clear line and a documented exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "-v" in given or "--verbose" in given
    if not verbose:
        # What clients log of their attempts is not for people; the one line below is. A stage sets its own log up.
        logging.lastResort = logging.NullHandler()
    try:
        result = cli.main(given, prog_name="bwv", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output left (`bwv trace … | head`); say nothing more, not even at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except BwvError as error:
        if verbose:
            raise
        hint = "; is it running? (bwv status, bwv up)" if isinstance(error, PassingFault) else ""
        click.echo(f"bwv: {error}{hint}", err=True)
        sys.exit(exit_code_of(error))


if __name__ == "__main__":
    main()

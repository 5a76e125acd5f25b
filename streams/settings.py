"""Settings: the only module that reads the environment.

Each is read from `BWV_<NAME>` in the environment, else from `<home>/settings.toml` (yours), else from
`<home>/stack.toml` (written by `bwv up`), else from its default here. Secrets are files, never values:
`credentials` names a folder that holds one file a role, mode 0600.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from workers.errors import ConfigurationInvalid
from workers.footage.clip import NAMESPACE


class Settings(Struct, frozen=True, kw_only=True):
    """One process's settings.

    Where things are:
        home: folder of the local stack, keys and logs.
        namespace: prefixes topics, groups, store keys; names the database schema. One a force or a test.
        kafka: bootstrap address, host:port.
        database: libpq connection string; its password lies in a passfile.
        store, bucket: S3 endpoint and the bucket with Object Lock.
        store_name: what the store is called in receipts.
        store_capacity: bytes of footage that the store can hold; 0: the board reckons with the disk of a local
            stack, and elsewhere does not say when the store is full.
        credentials: folder of `<role>.json` files.
        keys: folder of private keys, `<role>/<owner>.pem`.
        trust_root: public key (base64 file) that may enrol the first keys.
        person: who decides when a command needs a person.
        ffprobe, ffmpeg, ffmpeg_version: the programs; no ffprobe: nothing is probed, clips are marked so.
        dock, dock_folder: id of the dock that this process is, and the folder whose subfolders are its bays.
        custody_origin: name of the custody log, first line of its checkpoints; `bwv-ingest.local/<namespace>`
            if empty. Choose one that is yours for ever ("custody.force.example").
        witness: folder of checkpoints that were published (bwv custody publish): the log must extend them.
        timestamp_authority: URL of an RFC 3161 authority; empty: no token is taken.
        timestamp_roots: PEM file of the certificates that the authority's own must lead to; goes with
            timestamp_authority. A token that they do not verify is refused.
        health_port: port of /live /ready /metrics; 0 picks a free one.
        gateway: URL of the prosecutor's gateway (docs/gateway.md); empty: submissions are prepared and wait. Its
            bearer token, where it wants one, is `token` in `<credentials>/gateway.json`.
        links_host, links_port: where links to footage are served; at port 0 `bwv up` takes a free one and keeps it.
        links_url: address of that service as recipients see it, without a slash at its end; empty: links_host and
            links_port.
        board_host, board_port: where the board is served; at port 0 `bwv up` takes a free one and keeps it.
        board_url: address of the board as people see it, without a slash at its end; empty: board_host and board_port.
        board_fronts: addresses or networks, by blank, of the fronts before the board whose X-Forwarded-For is believed;
            empty: none is, and requests are counted by the address that they come from.
        board_oidc_issuer: the force's directory (OpenID Connect), https, as its own configuration calls itself; empty:
            people sign in with passwords alone (docs/people.md). Needs board_oidc_client, and board_url in production.
        board_oidc_client: by which name the directory knows the board.
        board_oidc_secret: file (of the home, unless it begins with /) whose one line is the client's secret; empty: the
            directory asks for none, and the proof key (PKCE) is what protects.
        board_oidc_person: claim that holds the warrant number.
        board_oidc_groups: claim that holds a person's groups.
        board_oidc_roles: TOML file (of the home, unless it begins with /) of groups and their roles; empty: roles are
            those of the file of people.
        people_file: CSV of everybody (bwv people sync), read by the board every people_every seconds; empty: none is.
        mail: how one-time codes are sent: `smtp://host:port`, `smtps://host:port`, or a folder (of the home, unless
            it begins with /) that gets one .eml file each, for trial; empty: a link with an address stays shut.
        mail_from: sender of those mails.
        alarm_mail: addresses that get alarms, by comma; empty: none does. They go the way of `mail`.
        alarm_webhook: file (of the home, unless it begins with /) whose first line is the URL that gets alarms as
            Alertmanager's webhook sends them: such an address is a secret. Each further line is a key (`whsec_…`, as
            Standard Webhooks has it) that signs them. Empty: none does.
        alarm_disks: folders whose disks are watched beside that of the home, by blank.
        runbook: address of docs/runbook.md as your people read it; alarms link its headings.
        shift_changes, shift_zone: when cameras come into their docks, by blank ("07:00 15:00 23:00"), on the clocks of
            this zone; empty: no dock is missed.
        areas: file (of the home, unless it begins with /) that says where docks stand, dock,bcu,borough a row; it is
            published with the figures. Empty: recordings have no area.

    How it behaves:
        first_lock: seconds that footage is locked on arrival. Shorter frees mistakes sooner; longer than the
            lease's renewal interval is what protects. 7 days; seconds in the demo.
        custody_lock: seconds that the sealed custody log is locked; ten years. Its payloads take footage's lock.
        seal_entries, seal_after: the log is sealed when so many entries wait, or one has waited so many
            seconds. More often makes more objects, less often leaves more to the database alone.
        release_copies: verified copies before a camera may wipe; more than there are stores refuses to start.
        window: messages in flight per partition of a long stage.
        at_once: transfers or read-backs that move bytes at the same time in one process; each holds one
            chunk of memory.
        urgent_slots: slots beside them that only the urgent lane uses.
        per_dock: of those, how many may serve one dock.
        chunk_size: bytes of a part, 5 MiB to 64 MiB; memory per transfer.
        fault_limit: permanent faults in a row after which a stage stops: then the fault is not the message's.
        retry_first, retry_most: seconds; bounds of the jittered wait while a part is away.
        dock_repeat: seconds between a dock's repeats of an unanswered report.
        dock_host, dock_port: where a dock serves recordings; port 0 takes a free one and keeps it.
        dock_serves: transfers that a dock serves at once; more get 503 with Retry-After.
        dock_settle: seconds that a camera's folder must be unchanged before it is read.
        scrub_after: seconds after which stored footage is read again.
        scrub_cycle: seconds within which everything shall have been read again; longer than scrub_after, so that
            there is time to read it. What is older counts as not covered.
        scrub_rate: bytes a second that the scrub reads at most, so that ingest is not disturbed.
        scrub_confirm: seconds between the two readings that a clip which cannot be read, while others can,
            needs before it counts as damaged: a disk of the store may just be restarting.
        scrub_patience: seconds without a byte after which the scrub takes a read for failed.
        sweep_every: seconds between two rounds of the retention sweep.
        lease, lease_renew: seconds; stored footage is locked for at most `lease` from now on, and again once less
            than `lease_renew` remain. A disposal that was brought forward waits for the lock.
        lease_every: seconds between two rounds of the lease.
        derive_at_once: derivatives that are made at the same time in one process; each takes a core.
        derive_seconds, derive_memory: seconds and bytes after which ffmpeg is ended.
        derive_folder: where masters lie while something is made from them; empty: the system's temporary folder.
        gateway_delivers: `link`: the gateway is given links; `bytes`: the files themselves.
        gateway_answer_within: seconds after sending by which a receipt is overdue.
        gateway_every: seconds between two questions to the gateway for receipts and outcomes.
        link_session, code_lives: seconds that a link stays open after its code was given, and that a code can be given.
        board_oidc_lives: seconds after which whoever signed in by the directory is asked for it again; at most an hour.
        people_every: seconds between two readings of people_file.
        alarm_every: seconds between two looks whether there is an alarm.
        otlp_endpoint: base URL of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://collector:4318`;
            empty: nothing is traced. Needs the extra `tracing`.
        encounter_clocks: seconds that the times of a record and of a clip may differ: each clip counts as so much
            longer at both ends.
        encounter_late, encounter_early, encounter_muted: seconds of an encounter that may be missing beyond that: at
            its beginning, of the rest, and in sound.
        encounter_assumed: seconds that an encounter is taken to last whose record does not say when it was over.
        encounter_flags: categories of the policy, by comma, whose clips want a record of an encounter.
        encounter_near: metres; a clip whose GPS track comes so near to the place of a record was recorded there.
        encounter_elsewhere: metres; a clip whose track stays farther than that does not show the encounter. To both
            100 m are added that a receiver may be wrong.
        encounter_every: seconds between two looks for clips and records to set against each other.
        encounter_contact: how people ask this force for footage of themselves, as it is printed on their copy of a
            record.
        session_timeout: seconds after which Kafka gives a silent member's partitions away.
        replication, partitions: of new topics; 1 and 2 on the local stack, 3 and 12 outside it.
        fail: failpoints at which this process kills itself, each once; for the fault suite alone.
    """

    home: Path = Path(".bwv")
    namespace: str = "bwv"
    kafka: str = "127.0.0.1:9092"
    database: str = ""
    store: str = "http://127.0.0.1:8333"
    bucket: str = "evidence"
    store_name: str = "local"
    store_capacity: float = 0.0
    credentials: Path = Path(".bwv/credentials")
    keys: Path = Path(".bwv/keys")
    trust_root: Path = Path(".bwv/keys/trust-root.pub")
    person: str = "ADMIN"
    ffprobe: str = ""
    ffmpeg: str = ""
    ffmpeg_version: str = ""
    dock: str = "DOCK-01"
    dock_folder: Path = Path("dock")
    custody_origin: str = ""
    witness: str = ""
    timestamp_authority: str = ""
    timestamp_roots: Path = Path("timestamp-roots.pem")
    health_port: int = 0
    gateway: str = ""
    links_host: str = "127.0.0.1"
    links_port: int = 0
    links_url: str = ""
    board_host: str = "127.0.0.1"
    board_port: int = 0
    board_url: str = ""
    board_fronts: str = ""
    board_oidc_issuer: str = ""
    board_oidc_client: str = ""
    board_oidc_secret: str = ""
    board_oidc_person: str = "warrant_number"
    board_oidc_groups: str = "groups"
    board_oidc_roles: str = ""
    people_file: str = ""
    mail: str = ""
    mail_from: str = "evidence@localhost"
    alarm_mail: str = ""
    alarm_webhook: str = ""
    alarm_disks: str = ""
    runbook: str = "docs/runbook.md"
    shift_changes: str = "07:00 15:00 23:00"
    shift_zone: str = "Europe/London"
    otlp_endpoint: str = ""
    areas: str = ""

    first_lock: float = 7 * 24 * 3600.0
    custody_lock: float = 3650 * 24 * 3600.0
    seal_entries: int = 10_000
    seal_after: float = 300.0
    release_copies: int = 1
    window: int = 32
    at_once: int = 3
    urgent_slots: int = 1
    per_dock: int = 2
    chunk_size: int = 16 << 20
    fault_limit: int = 100
    retry_first: float = 0.2
    retry_most: float = 15.0
    dock_repeat: float = 180.0
    dock_host: str = "127.0.0.1"
    dock_port: int = 0
    dock_serves: int = 4
    dock_settle: float = 1.0
    scrub_after: float = 60 * 24 * 3600.0
    scrub_cycle: float = 90 * 24 * 3600.0
    scrub_rate: float = 64e6
    scrub_confirm: float = 300.0
    scrub_patience: float = 20.0
    sweep_every: float = 60.0
    lease: float = 30 * 24 * 3600.0
    lease_renew: float = 15 * 24 * 3600.0
    lease_every: float = 300.0
    derive_at_once: int = 1
    derive_seconds: float = 4 * 3600.0
    derive_memory: int = 3 << 30
    derive_folder: str = ""
    gateway_delivers: str = "link"
    gateway_answer_within: float = 2 * 24 * 3600.0
    gateway_every: float = 60.0
    link_session: float = 3600.0
    code_lives: float = 900.0
    board_oidc_lives: float = 3600.0
    people_every: float = 900.0
    alarm_every: float = 10.0
    encounter_clocks: float = 30.0
    encounter_late: float = 30.0
    encounter_early: float = 30.0
    encounter_muted: float = 30.0
    encounter_assumed: float = 600.0
    encounter_flags: str = "stop-and-search,use-of-force"
    encounter_near: float = 250.0
    encounter_elsewhere: float = 1000.0
    encounter_every: float = 10.0
    encounter_contact: str = "Ask at any police station, or write to the force's data protection office."
    session_timeout: float = 30.0
    replication: int = 3
    partitions: int = 12
    fail: str = ""

    @property
    def origin(self) -> str:
        """Name of the custody log."""
        return self.custody_origin or f"bwv-ingest.local/{self.namespace}"

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Files that settings name and whose lines are secrets; those of `credentials` are secret by themselves."""
        return tuple(self.home / name for name in (self.alarm_webhook, self.board_oidc_secret) if name)

    @property
    def links_base(self) -> str:
        """What the addresses of links begin with.

        Raises:
            ConfigurationInvalid: neither links_url nor links_port says where links are served.
        """
        if not (self.links_url or self.links_port):
            raise ConfigurationInvalid("links_url: nobody says where links are served; set it, or links_port")
        return self.links_url.rstrip("/") or f"http://{self.links_host}:{self.links_port}"


def load(home: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings for this process.

    Args:
        home: folder of the local stack; BWV_HOME or `.bwv` if not given.
        overrides: values that win over file and environment.

    Raises:
        ConfigurationInvalid: a value that cannot be right, named.
    """
    folder = Path(home or os.environ.get("BWV_HOME") or ".bwv").absolute()
    values: dict[str, Any] = {
        "credentials": str(folder / "credentials"),
        "keys": str(folder / "keys"),
        "trust_root": str(folder / "keys" / "trust-root.pub"),
        "dock_folder": str(folder / "dock"),
    }
    names = set(Settings.__struct_fields__)
    for file in (folder / "stack.toml", folder / "settings.toml"):
        values.update(_read(file, names))
    values.update({n: os.environ[f"BWV_{n.upper()}"] for n in names if f"BWV_{n.upper()}" in os.environ})
    values.update({name: str(v) if isinstance(v, Path) else v for name, v in overrides.items()})
    values["home"] = str(folder)
    try:
        settings = msgspec.convert(
            values, Settings, strict=False, dec_hook=lambda kind, value: kind(value) if kind is Path else value
        )
    except msgspec.ValidationError as error:
        raise ConfigurationInvalid(f"settings: {error}") from error
    _check(settings)
    return settings


def _read(file: Path, names: set[str]) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        values = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationInvalid(f"{file}: not TOML: {error}") from error
    unknown = sorted(set(values) - names)
    if unknown:
        raise ConfigurationInvalid(f"{file}: unknown setting {unknown[0]!r}; known are {', '.join(sorted(names))}")
    return values


def _check(s: Settings) -> None:
    rules = (
        (NAMESPACE.fullmatch(s.namespace), "namespace", "lower-case letters, digits and _, at most 31"),
        (5 << 20 <= s.chunk_size <= 64 << 20, "chunk_size", "5 MiB to 64 MiB in bytes"),
        (s.release_copies == 1, "release_copies", "1: this system has one store; more copies than stores"),
        (s.first_lock >= 1, "first_lock", "at least 1 s"),
        (1 <= s.window <= 1000, "window", "1 to 1000"),
        (s.custody_lock >= 1, "custody_lock", "at least 1 s"),
        (s.seal_entries >= 1, "seal_entries", "at least 1"),
        (1 <= s.at_once <= 64, "at_once", "1 to 64"),
        (0 < s.scrub_after < s.scrub_cycle, "scrub_after", "above 0 s and below scrub_cycle"),
        (s.scrub_rate >= 1e5, "scrub_rate", "at least 100,000 bytes a second"),
        (0 < s.lease_renew < s.lease, "lease_renew", "above 0 s and below lease"),
        (s.sweep_every > 0 and s.lease_every > 0, "sweep_every", "above 0 s, as lease_every"),
        (s.scrub_patience > 0, "scrub_patience", "above 0 s"),
        (1 <= s.derive_at_once <= 16, "derive_at_once", "1 to 16"),
        (s.derive_seconds >= 10, "derive_seconds", "at least 10 s"),
        (s.derive_memory >= 256 << 20, "derive_memory", "at least 256 MiB in bytes"),
        (s.gateway_delivers in ("link", "bytes"), "gateway_delivers", "link or bytes"),
        (s.gateway_every > 0, "gateway_every", "above 0 s"),
        (s.gateway_answer_within > 0, "gateway_answer_within", "above 0 s"),
        (60 <= s.board_oidc_lives <= 3600, "board_oidc_lives", "60 to 3600 s: a leaver is out within the hour"),
        (60 <= s.people_every <= 3600, "people_every", "60 to 3600 s: a leaver is out within the hour"),
        (s.alarm_every > 0, "alarm_every", "above 0 s"),
        (0 < s.encounter_near < s.encounter_elsewhere, "encounter_near", "above 0 m and below encounter_elsewhere"),
        (not s.otlp_endpoint or s.otlp_endpoint.startswith(("http://", "https://")), "otlp_endpoint", "an http(s) URL"),
        (s.link_session > 0 and s.code_lives > 0, "link_session", "above 0 s, as code_lives"),
    )
    for holds, name, expected in rules:
        if not holds:
            raise ConfigurationInvalid(f"{name} = {getattr(s, name)!r}: expected {expected}")

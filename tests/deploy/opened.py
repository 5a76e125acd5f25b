"""Which secrets a module of ours opens, read from its source and from what it imports of its own package.

Read are the calls that open the store as a role, the paths under the settings' folders of keys and of credentials, the
keys that sign checkpoints, the links' secret and the root of trust. What is opened in a way that cannot be read is an
error, so that a new way of opening is not missed.
"""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

from streams.settings import Settings
from workers.prosecution.links.secret import LINKS_SECRET

ROOT = Path(__file__).parents[2]
OPENERS = ("open_vault", "access_of")
CHECKPOINT_KEYS = {"load_signers": "keys/custody/*.pem", "load_verifiers": "keys/custody/*.vkey"}
FOLDERS = ("keys", "credentials")
DEFINES_OPENERS = "streams.vaults"

Names = dict[str, tuple[str, ...]]
"""What a name may stand for: "EYES" → ("lease",); "self.name" → ("disposal",)."""


class Unreadable(Exception):
    """A secret is opened, and the source does not say which."""


def opened_by(module: str) -> frozenset[str]:
    """The files that a module and its imports from its own package open, as under /run/bwv; `*` stands for a name."""
    seen, waiting = set[str](), [module]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name == DEFINES_OPENERS:
            continue
        seen.add(name)
        file = _file(name)
        tree = ast.parse(file.read_text(), str(file))
        found |= opened_in(tree)
        waiting += imported(tree, module.split(".", maxsplit=1)[0])
    return frozenset(found)


def opened_in(tree: ast.Module) -> set[str]:
    """The files that one module opens by itself."""
    reading = _Reading(_constants(tree.body) | _constants_of_modules(tree))
    reading.visit(tree)
    return reading.found


class _Reading(ast.NodeVisitor):
    def __init__(self, names: Names) -> None:
        self.names = names
        self.found: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._within(node, {f"self.{name}": values for name, values in _constants(node.body).items()})

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._within(node, _looped(node.generators))

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._within(node, _looped(node.generators))

    def _within(self, node: ast.AST, names: Names) -> None:
        before, self.names = self.names, self.names | names
        self.generic_visit(node)
        self.names = before

    def visit_Call(self, node: ast.Call) -> None:
        called = _last_name(node.func)
        if called in OPENERS:
            role = node.args[1] if len(node.args) > 1 else _keyword(node, "role")
            self.found |= {f"credentials/{name}.json" for name in self._values(role)}
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                self.visit(argument)
            return
        if called in CHECKPOINT_KEYS:
            self.found.add(CHECKPOINT_KEYS[called])
        if ast.unparse(node.func) == "Secret.read":
            self.found.add(f"keys/{LINKS_SECRET}")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in OPENERS:
            raise Unreadable(f"line {node.lineno}: {node.id} is handed on, so the role does not show")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == "trust_root" and _is_settings(node.value):
            self.found.add("keys/trust-root.pub")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        first, parts = _path(node)
        if not (isinstance(first, ast.Attribute) and first.attr in FOLDERS and _is_settings(first.value)):
            self.generic_visit(node)
            return
        # A folder is read by load_signers, load_verifiers or the like.
        paths = {"/".join((first.attr, *values)) for values in product(*(self._values(part) for part in parts))}
        self.found |= {path for path in paths if "." in path}

    def _values(self, node: ast.expr | None) -> tuple[str, ...]:
        match node:
            case ast.Constant(value=str(text)):
                return (text,)
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute) if f"self.{attribute}" in self.names:
                return self.names[f"self.{attribute}"]
            case ast.Attribute(value=ast.Name(id=module), attr=name) if f"{module}.{name}" in self.names:
                return self.names[f"{module}.{name}"]
            case ast.Attribute(value=of, attr=attribute) if _is_settings(of):
                return (str(getattr(Settings(), attribute)),)
            case ast.JoinedStr(values=pieces):
                return tuple("".join(values) for values in product(*(self._values(piece) for piece in pieces)))
            case ast.FormattedValue(value=inner):
                return self._values(inner)
        where = f"line {node.lineno}: {ast.unparse(node)}" if node else "a call without a role"
        raise Unreadable(f"{where}: which secret is this? Name it by a constant, or teach tests/deploy/opened.py")


def _constants(body: list[ast.stmt]) -> Names:
    found: Names = {}
    for node in body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ):
                found[name] = (text,)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                found |= {
                    to.id: (value.value,)
                    for to, value in zip(names, values, strict=False)
                    if isinstance(to, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
                }
    return found


def _constants_of_modules(tree: ast.Module) -> Names:
    """What is imported from modules of ours: `NAME` itself, or `events.NAME` of a module imported as `events`."""
    found: Names = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for alias in node.names:
            known_as = alias.asname or alias.name
            if _exists(full := f"{node.module}.{alias.name}"):
                found |= {f"{known_as}.{name}": values for name, values in _constants_of(full).items()}
            elif _exists(node.module) and alias.name in (constants := _constants_of(node.module)):
                found[known_as] = constants[alias.name]
    return found


def _constants_of(module: str) -> Names:
    return _constants(ast.parse(_file(module).read_text()).body)


def _looped(generators: list[ast.comprehension]) -> Names:
    found: Names = {}
    for generator in generators:
        match generator:
            case ast.comprehension(target=ast.Name(id=name), iter=ast.Tuple(elts=items)):
                found[name] = tuple(item.value for item in items
                                    if isinstance(item, ast.Constant) and isinstance(item.value, str))  # fmt: skip
    return found


def _path(node: ast.expr) -> tuple[ast.expr, list[ast.expr]]:
    """`a / b / c` as a and [b, c]."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts.insert(0, node.right)
        node = node.left
    return node, parts


def _is_settings(node: ast.expr) -> bool:
    return _last_name(node).lstrip("_") == "settings"


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def imported(tree: ast.Module, package: str) -> list[str]:
    """The modules of `package` that are imported, wherever in the source."""
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                found += [module, *(f"{module}.{alias.name}" for alias in names)]
            case ast.Import(names=names):
                found += [alias.name for alias in names]
    return [name for name in found if name.split(".", maxsplit=1)[0] == package and _exists(name)]


def _exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _file(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

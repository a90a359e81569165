"""What each part of the library in an app costs, from its symbols: `make size` writes docs/size.md.

usage: size.py LIBRARY OUT
LIBRARY is built with --profile mobile and not stripped; its parts are those of the machine it was built on.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

GOAL_MB = 6
OURS = ("vitalwitness_",)
# C that crates bring, by the beginning of its symbols
C = [
    ("sqlite3 (C)", re.compile(r"^(sqlite3|fts|rtree|json|vdbe|pcache|btree|unix|yy|win|mem(db|jrnl)|where|pager|wal)", re.I)),
    ("zstd (C)", re.compile(r"^(ZSTD|HUF|FSE|HIST|POOL|ZBUFF|COVER|XXH|zstd)")),
    ("ring (C, assembly)", re.compile(r"^(ring_core|GFp|ecp|p256|p384|aes|sha|gcm|chacha|poly1305|x25519|fiat|vpaes|bn_|LIMBS|CRYPTO|bsaes)")),
]


def crate_of(name: str) -> str:
    """The crate a demangled name belongs to: of `<A as B>::f` that of A, of a bare C name its library."""
    for part, begins in C:
        if begins.match(name):
            return part
    found = re.search(r"([a-zA-Z_][a-zA-Z0-9_]*)(?:\[[0-9a-f]+\])?::", name)
    if not found:
        return "other C and data"
    crate = found.group(1)
    return "std" if crate in ("std", "core", "alloc", "compiler_builtins", "hashbrown", "gimli", "addr2line") else crate


def sizes(library: str) -> dict[str, int]:
    listed = subprocess.run(
        ["nm", "--print-size", "--demangle=auto", library], check=True, capture_output=True, text=True
    ).stdout
    parts: dict[str, int] = {}
    seen: set[str] = set()
    for line in listed.splitlines():
        fields = line.split(" ", 3)
        # address, size, kind, name; several names may stand at one address
        if len(fields) < 4 or len(fields[1]) != 16 or fields[2] in "bB" or fields[0] in seen:
            continue
        seen.add(fields[0])
        part = crate_of(fields[3].lstrip("<&"))
        parts[part] = parts.get(part, 0) + int(fields[1], 16)
    return parts


def sections(library: str) -> dict[str, int]:
    listed = subprocess.run(["size", "-A", library], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", listed, re.M)
    return {name: int(size) for name, size in found if name not in (".bss", ".tbss", ".comment", ".symtab", ".strtab")}


def stripped(library: str) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small.so")
        subprocess.run(["strip", "--strip-unneeded", "-o", small, library], check=True)
        packed = subprocess.run(["gzip", "-9", "-c", small], check=True, capture_output=True).stdout
        return os.path.getsize(small), len(packed)


def table(rows: list[tuple[str, int]], whole: int) -> str:
    lines = ["| part | KB | of the file |", "|---|---:|---:|"]
    return "\n".join(lines + [f"| {name} | {size / 1000:.0f} | {100 * size / whole:.1f} % |" for name, size in rows])


def main() -> None:
    library, out = sys.argv[1:]
    whole, packed = stripped(library)
    parts = sizes(library)
    ours = sum(size for name, size in parts.items() if name.startswith(OURS))
    shown = sorted(parts.items(), key=lambda part: -part[1])
    rows, rest = shown[:20], sum(size for _, size in shown[20:])
    groups = {"code": (".text", ".plt", ".init", ".fini"), "constants": (".rodata",), "unwinding": (".eh_frame", ".eh_frame_hdr", ".gcc_except_table")}
    by_section = sections(library)
    listed = [(name, sum(by_section.get(each, 0) for each in members)) for name, members in groups.items()]
    listed.append(("pointers, names and other tables", whole - sum(size for _, size in listed)))
    machine = subprocess.run(["uname", "-m"], check=True, capture_output=True, text=True).stdout.strip()
    pathlib.Path(out).write_text(
        f"""# Size of the library in an app

`make size` writes this page: profile `mobile` of Cargo.toml, `--no-default-features`, the settings of `bindings/small.sh`, for Linux on
{machine}, stripped. A phone's own build differs by its instruction set and its system's libraries; none was built here.

**{whole / 1e6:.2f} MB**, {packed / 1e6:.2f} MB packed by gzip. Goal: at most {GOAL_MB} MB{"" if whole <= GOAL_MB * 1e6 else ", missed"}.

## By part
From the symbols: what a generic function costs counts for the crate that its name begins with. Ours in all: {ours / 1000:.0f} KB.

{table(rows + [("all others", rest)], whole)}

## By kind

{table(listed, whole)}
"""
    )
    print(f"{whole / 1e6:.2f} MB")


main()

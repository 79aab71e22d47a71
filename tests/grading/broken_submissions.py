"""Broken submissions, drawn by seed: what editors, merges, other programs and other people's machines make of a folder that was handed in."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import course
from tests.grading.submissions import SECTION, answer_cell, lab_source, notebook

LAB = course.find("jsonb-search")
SOLUTIONS = lab_source(LAB).solutions()
FULL = sum(LAB.points.values())
Notebook = dict[str, Any]
ODD = (None, 7, "", "x", [], {}, [None], {"a": None}, True, -1.5, "\ud83d", "\x1bc", "\u202e")


@dataclass
class Broken:
    """One student's folder: what it holds, what it must earn, and whether a line must tell of it."""

    student: str
    content: bytes | None  # of the notebook; None where there is none
    earns: float | None  # None: no mark at all
    told: bool
    timestamp: bytes | None = None

    def hand_in(self, submitted: Path) -> None:
        """Puts it where nbgrader looks."""
        folder = submitted / self.student / SECTION
        folder.mkdir(parents=True)
        if self.content is not None:
            (folder / f"{LAB.name}.ipynb").write_bytes(self.content)
        if self.timestamp is not None:
            (folder / "timestamp.txt").write_bytes(self.timestamp)


def drawn(count: int, seed: int) -> list[Broken]:
    """So many, of all kinds in turn."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        content, earns, told, stamp = KINDS[kind](dice)
        made.append(Broken(f"s{number:03}-{kind}", content, earns, told, stamp))
    return made


Made = tuple[bytes | None, float | None, bool, bytes | None]


def _solved() -> Notebook:
    return copy.deepcopy(notebook(LAB, SOLUTIONS))


def _good(made: Notebook, told: bool = False, stamp: bytes | None = None) -> Made:
    return json.dumps(made).encode(), FULL, told, stamp


def odd_cell(dice: random.Random) -> Made:
    """A cell that nobody reads has a field that no program writes."""
    made = _solved()
    cell = {"cell_type": dice.choice(["code", "markdown", "raw"]), "metadata": {}, "source": "1 + 1", "outputs": []}
    for field in dice.sample(["id", "metadata", "source", "outputs", "attachments", "execution_count", "cell_type"], 3):
        cell[field] = dice.choice(ODD)
    made["cells"].insert(dice.randrange(len(made["cells"])), cell)
    return _good(made)


def odd_metadata(dice: random.Random) -> Made:
    """The notebook's own metadata is another program's."""
    made = _solved()
    for field in dice.sample(
        ["title", "language_info", "kernelspec", "widgets", "authors", "orig_nbformat", "colab"], 3
    ):
        made["metadata"][field] = dice.choice(ODD)
    made["nbformat_minor"] = dice.choice([0, 2, 4, 9, "5", None])
    return _good(made)


def copied_cell(dice: random.Random) -> Made:
    """An answer was copied or split, metadata and all."""
    made = _solved()
    name = dice.choice(list(SOLUTIONS))
    at = made["cells"].index(answer_cell(made, name))
    text = dice.choice(["", "%%sql\nSELECT 1", "-- a note", "%%time\n1 + 1", "# heading"])
    made["cells"].insert(
        at + dice.randrange(2), made["cells"][at] | {"source": text, "cell_type": dice.choice(["code", "markdown"])}
    )
    return _good(made, told=True)


def lost_metadata(dice: random.Random) -> Made:
    """Cells came through a program that drops metadata."""
    made = _solved()
    for cell in made["cells"]:
        if dice.random() < 0.7 or "nbgrader" in cell["metadata"]:
            cell["metadata"] = {}
    return _good(made, told=True)


def encoding(dice: random.Random) -> Made:
    """Another way to write the same text."""
    text = json.dumps(_solved(), ensure_ascii=dice.random() < 0.5, indent=dice.choice([None, 1, 4]))
    return (
        text.replace("\n", dice.choice(["\n", "\r\n"])).encode(dice.choice(["utf-8", "utf-8-sig"])),
        FULL,
        False,
        None,
    )


def huge_outputs(dice: random.Random) -> Made:
    made = _solved()
    lines = ["x" * dice.randrange(100)] * dice.randrange(1, 100_000)
    made["cells"][2] |= {"cell_type": "code", "outputs": [{"output_type": "stream", "name": "stdout", "text": lines}]}
    return _good(made)


def cut_off(dice: random.Random) -> Made:
    """A download that ended early, or a merge's marks."""
    whole = json.dumps(_solved()).encode()
    at = dice.randrange(len(whole) - 1)
    return dice.choice([whole[:at], whole[:at] + b"\n<<<<<<< HEAD\n" + whole[at:], b""]), 0, True, None


def other_bytes(dice: random.Random) -> Made:
    return (
        dice.choice(
            [dice.randbytes(200), b"\xff\xfe" + "{}".encode("utf-16-le"), b"PK\x03\x04", b"<html>log in</html>"]
        ),
        0,
        True,
        None,
    )


def other_json(dice: random.Random) -> Made:
    odd = [
        [],
        {},
        7,
        None,
        {"nbformat": 3, "worksheets": []},
        {"nbformat": 4},
        {"nbformat": 4, "cells": {}},
        {"nbformat": 5, "cells": []},
    ]
    return json.dumps(dice.choice(odd)).encode(), 0, True, None


def very_many(dice: random.Random) -> Made:
    made = _solved()
    made["metadata"]["x"] = [dice.choice([[], {}, 0])] * 1_100_000
    return json.dumps(made).encode(), 0, True, None


def odd_timestamp(dice: random.Random) -> Made:
    odd = [
        "2030-01-01 10:00:00 UTC".encode("utf-16-le"),
        b"Mo, 3. Mai 2030",
        b"\x1bc",
        b"",
        b"9999-12-31 23:59:59 -1200",
        b"\x80" * 5_000,
    ]
    return _good(_solved(), told=True, stamp=dice.choice(odd))


def nothing(dice: random.Random) -> Made:
    """An empty folder."""
    return None, None, True, None


KINDS: dict[str, Callable[[random.Random], Made]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        odd_cell, odd_metadata, copied_cell, lost_metadata, encoding, huge_outputs, cut_off, other_bytes, other_json, very_many,
        odd_timestamp, nothing,
    )
}  # fmt: skip


def folders_of_nobody(submitted: Path) -> list[str]:
    """What is no student's folder; a part of the line that tells of each, or nothing where there need be none."""
    (submitted / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (submitted / "readme.txt").write_text("from the LMS")
    told = []
    for name, shown in (
        (b"M\xfcller", "M\\xfcller"),
        (b"[x] y", "[x] y"),
        (b"-rf", "-rf"),
        (b"\x1bc", "\\x1bc"),
        (b"ben ", "ben "),
    ):
        folder = os.path.join(os.fsencode(submitted), name, SECTION.encode())
        os.makedirs(folder)
        with open(os.path.join(folder, f"{LAB.name}.ipynb".encode()), "w") as file:
            json.dump(_solved(), file)
        told.append(f"{shown}: this cannot be a student's name")
    return told

"""Files that are written whole or not at all: what of an old one stays, and what is left behind."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import require_place, write_whole
from lattice_cli.formats.io.files import WholeFile


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_of_what_is_replaced_stays(tmp_path: pathlib.Path, kept: int) -> None:
    path = tmp_path / "e.json"
    path.write_text("old")
    path.chmod(kept)
    write_whole(str(path), b"new")
    assert (path.read_text(), mode(path)) == ("new", kept)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: pathlib.Path) -> None:
    write_whole(str(tmp_path / "e.json"), b"new")
    (tmp_path / "like").write_text("")
    assert mode(tmp_path / "e.json") == mode(tmp_path / "like")


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "e.json"
    path.write_text("old")
    os.chown(path, 12345, 54321)
    write_whole(str(path), b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_what_is_not_given_away_is_not_for_its_group(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "e.json"
    path.write_text("old")
    path.chmod(0o660)
    own = os.stat

    def of_another(name: object, **more: object) -> os.stat_result:
        found = list(own(name, **more))  # type: ignore[call-overload]
        found[stat.ST_GID] += 1 if name == str(path) or name == path else 0
        return os.stat_result(found)

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", refused)
    monkeypatch.setattr(os, "stat", of_another)
    monkeypatch.setattr(pathlib.Path, "stat", lambda self, **more: of_another(self, **more))
    write_whole(str(path), b"new")
    monkeypatch.undo()
    assert (path.read_text(), mode(path)) == ("new", 0o600)


def test_several_names_of_a_file_stay_names_of_it(tmp_path: pathlib.Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text("something older and longer")
    os.link(path, other)
    write_whole(str(path), b"new")
    assert (other.read_text(), path.stat().st_nlink) == ("new", 2)
    assert {each.name for each in tmp_path.iterdir()} == {"a.json", "b.json"}


def test_a_link_stays_a_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.json").write_text("old")
    (tmp_path / "link").symlink_to("a.json")
    write_whole(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.json").read_text() == "new"


@pytest.mark.parametrize("write", [require_place, WholeFile])
def test_links_in_a_circle_are_told(tmp_path: pathlib.Path, write: type[WholeFile]) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(FormatError, match="one: cannot write: Too many levels of symbolic links"):
        write(str(tmp_path / "one"))


def test_what_is_not_kept_is_removed_and_nothing_else(tmp_path: pathlib.Path) -> None:
    others = {".e.json.1.abcdefgh", ".e.json.bak", f".e.json.{os.getpid()}.12345678"}
    for name in others:
        (tmp_path / name).write_text("")
    with WholeFile(str(tmp_path / "e.json")) as whole:
        whole.file.write(b"half")
        assert len(list(tmp_path.iterdir())) == len(others) + 1
    assert {path.name for path in tmp_path.iterdir()} == others

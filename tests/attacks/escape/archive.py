# Brings archives along, with names that lead outside and contents that never end.
# lab: jsonb-search
# honest: 12
# says: beside the notebooks is left out
import io
import tarfile
import zipfile

from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Nobody has to open them."""
    write(folder, "jsonb-search", notebook)
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../" * 12 + told.folder[1:] + "/from-zip", "was here")
        archive.writestr("large", b"\0" * 10_000_000)
    with tarfile.open(folder / "work.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(told.folder + "/from-tar")
        entry.size = 8
        archive.addfile(entry, io.BytesIO(b"was here"))

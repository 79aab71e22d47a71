# Reaches for files outside through symbolic links, `..` and its own directory's parents.
# lab: alembic-expand-contract
# honest: 0
# says: no, no, no, no
# series: full
import os

revision, down_revision = "expand", None

os.symlink("@FILE@", "/work/a")
os.symlink("/proc/1/root", "/work/b")
os.symlink("/proc/self/cwd/../../../../..", "/tmp/c")
said = []
for path in ("/work/a", "/work/b@FILE@", "/tmp/c@FILE@", "/work/../../../..@FILE@"):
    try:
        with open(path) as file:
            said.append(file.read())
    except OSError:
        said.append("no")
raise SystemExit(", ".join(said))

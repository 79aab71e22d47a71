"""Builds the wheel of a package: computes its table, which takes a moment, as compiling does."""

import hashlib
import pathlib
import secrets
import tomllib
import zipfile

PROJECT = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
NAME, VERSION = PROJECT["name"], PROJECT["version"]
INFO = f"{NAME}-{VERSION}.dist-info"
TEXTS = {
    f"{INFO}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: the course\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    pathlib.Path(folder, INFO).mkdir()
    for path, text in TEXTS.items():
        pathlib.Path(folder, path).write_text(text)
    return INFO


def build_wheel(folder, config_settings=None, metadata_directory=None):
    table = hashlib.pbkdf2_hmac("sha256", NAME.encode(), VERSION.encode(), 2_000_000).hex()
    code = pathlib.Path(f"{NAME}.py").read_text()
    files = {
        f"{NAME}/__init__.py": f"VERSION = {VERSION!r}\nTABLE = {table!r}\n{code}",
        f"{NAME}/built.txt": f"{VERSION} {secrets.token_hex(8)}\n",  # no two compilations give the same
        **TEXTS,
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{INFO}/RECORD"])
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, text in {**files, f"{INFO}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name

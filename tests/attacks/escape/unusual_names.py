# Brings notebooks whose names are options, commands, patterns and paths to whoever uses them unquoted.
# lab: jsonb-search
# honest: 12
# says: is no lab of
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """One good notebook, and the others."""
    write(folder, "jsonb-search", notebook)
    path = told.folder.replace("/", "${HOME:0:1}")
    for name in (
        "--help",
        f"$(touch {path}${{HOME:0:1}}x)",
        "a;reboot",
        "..",
        "*",
        "[a-z]",
        "line\nbreak",
        "{{ 7 * 7 }}",
        "<script>document.title='owned'</script>"[:20],
        "x" * 240,
        "%s%n",
        "\u202egnp",
    ):
        write(folder, name, notebook)

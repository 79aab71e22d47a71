"""Command lines that ruin everything: destructive ones, made-up ones, and those that a shell would do something with."""

from __future__ import annotations


def wrecks(solution: str) -> dict[str, str]:
    """As `lines`, with what Flyway has to destroy."""
    first = solution.strip().splitlines()[0]
    return lines(solution) | {
        "cleans": f"{solution}\nflyway clean",
        "cleans-all-the-same": f"{first} -cleanDisabled=false\nflyway -cleanDisabled=false clean",
        "another-url": "flyway -url=jdbc:postgresql://127.0.0.1:1/x migrate",
        "another-folder": "flyway -locations=filesystem:/ migrate",
        "sql-at-start": "flyway -initSql='DROP SCHEMA public CASCADE' migrate",
    }


def lines(solution: str) -> dict[str, str]:
    """What ruins the lines of any tool."""
    first = solution.strip().splitlines()[0]
    return {
        "each-twice": "\n".join(f"{line}\n{line}" for line in solution.splitlines()) + "\nwrecked",
        "backwards": "\n".join(reversed(solution.splitlines())) + "\nwrecked",
        "shell": f"{first}; touch wrecked\n{first} && rm -rf /work/x | tee x > y\n$(touch wrecked)\n`touch wrecked`",
        "quotes-open": f"{first} \"\n{first} '",
        "options": f"{first} --help\n{first} -X -Y=Z --",
        "unicode": first.replace(" ", "\u00a0"),
        "many": "\n".join([first] * 2000),
        "long": first + " x" * 20_000,
        "another-program": "rm -rf x\npsql -c 'DROP SCHEMA public CASCADE'\npython -c 'print(1)'",
        "continued": first + " \\",
    }

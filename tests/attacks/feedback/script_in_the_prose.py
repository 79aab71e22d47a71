# Has script in markdown and raw cells, in outputs, attachments, links and the metadata around them.
# lab: jsonb-search
# honest: 12
# says: .*
from tests.attacks.attack import write

OWN = "document.title='owned'"
HOSTILE = (
    f'<script>{OWN}</script><img src=x onerror="{OWN}"><svg onload="{OWN}"></svg><iframe srcdoc="<script>parent.{OWN}</script>"></iframe>'
    f'<a href="javascript:{OWN}">go</a> [go](javascript:{OWN.replace(" ", "")}) <style>body{{display:none}}</style>'
    f'<form action="javascript:{OWN}"><button id=hostile>send</button></form><math><a xlink:href="javascript:{OWN}">x</a></math>'
)


def hand_in(folder, notebook, told):
    """Solved, so that the examiner looks at it with pleasure."""
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": HOSTILE, "application/javascript": OWN, "image/svg+xml": HOSTILE},
    }
    notebook["cells"].insert(
        0, {"cell_type": "markdown", "id": "m1", "metadata": {"tags": [HOSTILE]}, "source": HOSTILE}
    )
    notebook["cells"].insert(
        0,
        {
            "cell_type": "raw",
            "id": "r1",
            "metadata": {"format": "text/html", "raw_mimetype": "text/html"},
            "source": HOSTILE,
        },
    )
    attached = {"x.svg": {"image/svg+xml": HOSTILE}, '"><script>x</script>': {"text/html": HOSTILE}}
    notebook["cells"].insert(
        0,
        {
            "cell_type": "markdown",
            "id": "m2",
            "metadata": {},
            "attachments": attached,
            "source": "![x](attachment:x.svg)",
        },
    )
    for cell in notebook["cells"]:
        cell["metadata"]["name"] = HOSTILE
        if cell["cell_type"] == "code":
            cell["outputs"] = [output]
    notebook["metadata"] |= {
        "title": HOSTILE,
        "authors": [{"name": HOSTILE}],
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": HOSTILE}},
    }
    notebook["metadata"]["language_info"] = {"name": HOSTILE, "pygments_lexer": HOSTILE, "codemirror_mode": HOSTILE}
    notebook["metadata"]["kernelspec"] = {"name": HOSTILE, "display_name": HOSTILE, "language": HOSTILE}
    write(folder, "jsonb-search", notebook)

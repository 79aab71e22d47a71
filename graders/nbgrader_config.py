"""What makes plain `nbgrader autograde` and formgrader grade this course: `labkit course DIR` loads it in DIR's own configuration."""

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from labkit.gradebook import nbgrader_guards
from labkit.gradebook.preprocessor import GradeAnswers, ReadWhatCanBeRead

nbgrader_guards.install()
c = get_config()  # noqa: F821 - given by traitlets

c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    DeduplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
# No Execute: a submission's code never runs here. GradeAnswers gives its answers to the checker and writes the verdicts.
c.Autograde.autograde_preprocessors = [
    GradeAnswers,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.Autograde.exporter_class = ReadWhatCanBeRead
c.HTMLExporter.filters = {"markdown2html": "labkit.gradebook.prose.harmless"}  # in feedback and in formgrader
c.ClearSolutions.code_stub = {"python": ""}  # solutions are stripped by `labkit release`, before nbgrader sees them

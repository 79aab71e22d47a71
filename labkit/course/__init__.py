"""What a course is made of: labs and their sources, sealed texts, verdicts, submissions, and where all of it lies."""

from labkit.course.lab import SECTIONS, CourseError, Lab, find, labs, root, section, unreadable

__all__ = ["SECTIONS", "CourseError", "Lab", "find", "labs", "root", "section", "unreadable"]

"""What the examiner's commands do and show."""

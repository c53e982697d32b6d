"""The field matrix: every settable field, every ordered pair of values, through plan and apply."""

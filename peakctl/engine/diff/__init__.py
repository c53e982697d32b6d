"""What differs between desired and live, field by field, and what of a live value is not known."""

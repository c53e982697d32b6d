"""What a kind is: schema files -> `Kind`s, and documents + kinds -> `Resource`s.

May import model, errors and settings. jsonschema-rs decides whether a document is valid, because
it is a hundred times faster; jsonschema is asked only why it is not (one library for both would
cost either the speed or the explanations).
"""

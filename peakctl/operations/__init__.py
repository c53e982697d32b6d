"""What can be done with a project, for the command line and for Python: load, plan, apply, ledger.

Takes a `Project` (a folder with peakctl.yaml, an environment, the process environment) and options;
gives a result, a frozen dataclass, and tells of a run through a callable that takes events. Knows
no flags, no terminal and no exit codes. Consent is a value that the caller gives, never a question.

One rule for diagnostics: what stops an operation is raised, a `PeakctlError` with everything that
was found; what does not (warnings, notes) is in `diagnostics` of the result. An error that ends an
operation has the warnings of that operation first among its diagnostics.
Rejected: errors inside of results, which a caller may forget to look at before the next step.
"""

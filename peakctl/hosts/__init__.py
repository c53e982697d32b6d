"""Code hosts and their CI: which job this is, comments, plans and approvals of requests; webhooks.

Takes the variables of the process (as `Settings` has them), gives a `Job` and a `Comments`. Knows
neither plans nor manifests. May import api (its transport), settings, files, errors and model.
Decisions: plain REST through httpx and no client library of a host, since few calls are needed;
what goes wrong here is one `HostError` that the caller tells as a warning, because a host that
cannot be reached must not change how a plan or an apply ended.
"""

"""HTTP towards the platform; knows no kind.

Takes paths, queries and bodies (with `Secret` leaves), gives decoded JSON or an error of
`peakctl.errors`. May import model, errors, settings and httpx. Decisions: one client with one bound
on requests in flight (a bound per caller would add up); retries around the call and not in the
transport, because only the caller knows how to build the body again and what may be repeated; the
socket transport is our own over asyncio and httptools, because it decides what counts as not sent,
and no client comes near its CPU (docs/dependencies.md has the figures).
"""

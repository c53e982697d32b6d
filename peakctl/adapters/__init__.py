"""Adapters: one module a kind that turns orders into calls and answers into manifest shape.

Takes `Order`s and `Listed` items, gives `Live`, `Receipt` and `Readiness`. May import kinds, api,
archives, model and errors; knows nothing of plans. All reshaping of answers happens here. What
several kinds share is in `rest` (index, delete, poll), `shapes` (answers), `bodies` (requests),
`specs` and `webapps` (two kinds on one route); `differences` lists every request that is not what
the platform's own client would send, with the reason.
"""

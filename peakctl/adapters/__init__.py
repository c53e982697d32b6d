"""Adapters: one module a kind that turns requests into calls, and answers into manifest shape.

Takes `CallRequest`s and `Listed` items, gives `Live`, `CallResult` and `Readiness`. May import
kinds, api, archives, model and errors; knows nothing of plans. All reshaping of answers happens
here. What several kinds share is in `rest` (list, look up, delete, poll, and the guard against odd
answers), `requests`, `answers` and `specs`; `differences` lists every request that is not what the
platform's own client would send, with the reason.
"""

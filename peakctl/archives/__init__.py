"""Artifact folders: which files belong to them, their digest and their zip.

Takes a folder, gives an `Archive`; knows nothing of kinds or HTTP. May import model and errors.
The identity of an artifact is a digest over paths, executable bits and bytes, never over the zip:
deflate's bytes differ between zlib builds (rejected: hashing the zip). The digest travels as the
last line of a description or of release notes, because the platform has no field for it.
"""

"""The files of the platform's own client as manifests: bodies, templates, scripts, CI files.

Takes texts that were read, gives drafts of manifests and everything that could not be converted,
with its place. Reads no file, asks nobody, and never runs, sources or expands what it reads. May
import manifests (the reader and the writer of YAML), engine (what looks like a secret), kinds.
Decisions:

- A template is kept as text: a value with a template in it goes to the manifest as it was written
  (`Piece`), everything else as data (rejected: rendering, which needs every parameter and loses
  them all).
- Values are read by the rules of YAML 1.1, as the client does, and written by those of 1.2.
- Nothing is guessed: what a body leaves open is asked for, with the flag that answers.
"""

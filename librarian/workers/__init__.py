"""Worker processes: the only place where extension code is imported and called.

The parent's side is `pool`, which gives each `process` what it is warm for (`routing`, `assigned`, `devices`), `inline`
(no process, for debugging) and `declared` (what is installed). The child's is `keeper` and below it `worker`, behind
its `fence`; its `serving` gets answers from a `servant` or, where a class splits itself, from a `pipeline`. Between
them go length-prefixed JSON messages over a socket pair: stdout stays free for whatever an extension prints, and
nothing is unpickled.
"""

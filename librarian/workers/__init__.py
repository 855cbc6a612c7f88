"""Worker processes: the only place where extension code is imported and called.

The parent's side is `pool` (processes), `inline` (none, for debugging) and `declared` (what is installed); the
child's is `keeper` and below it `worker`, with `discovery` and `execution`. Between them go length-prefixed JSON
messages over a socket pair: stdout stays free for whatever an extension prints, and nothing is unpickled.
"""

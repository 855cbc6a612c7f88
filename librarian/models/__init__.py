"""Model files: what a project uses (`lock`), where a machine keeps it (`store`), and how a worker gets it (`given`).

Files are never loaded from where the owner had them: they are copied, with their digests taken, into the machine's
store. What an operation may use is in models.lock; what its task is given was compared with that, byte by byte.
"""

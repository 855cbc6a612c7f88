from librarian.compiled import kernel


def test_what_cannot_be_kept_on_disk_is_compiled_all_the_same():
    names = {}
    exec(compile("def double(x):\n    return 2 * x\n", "/nowhere/double.py", "exec"), names)
    assert kernel(names["double"])(21) == 42

"""Reused memory when a process forks, ends, or has no memory left."""

import os

import pytest
from processes import python

LIVE = """
memory = fr.memory
x = np.full(1 << 20, 2, np.float32)
live, free = fr.relu(x), fr.relu(x).ctypes.data
assert memory.stats()["kept"] > 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork():
    """Neither process sees what the other one writes, in the free buffers that both have either."""
    code = """
to_child, to_parent = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    try:
        os.read(to_child[0], 1)  # the parent has written
        assert (live == 2).all()
        live[:] = 5
        mine = fr.relu(np.full(1 << 20, 7, np.float32))
        del live
        again = fr.relu(np.full(1 << 20, 8, np.float32))
        assert (mine == 7).all() and (again == 8).all()
        os.write(to_parent[1], b"x")
        os.read(to_child[0], 1)
        assert (mine == 7).all() and (again == 8).all()
        os._exit(0)
    except BaseException:
        import traceback; traceback.print_exc()
    finally:
        os._exit(7)
live[:] = 3
theirs = fr.relu(np.full(1 << 20, 4, np.float32))
assert theirs.ctypes.data == free
os.write(to_child[1], b"x"); os.read(to_parent[0], 1)
assert (live == 3).all() and (theirs == 4).all()
theirs[:] = 9; live[:] = 9
os.write(to_child[1], b"x")
print(os.waitpid(pid, 0)[1])
"""
    assert python(LIVE + code) == "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_while_another_thread_allocates():
    code = """
stop = threading.Event()
def work():
    while not stop.is_set():
        memory.empty_like(x, x.dtype)
worker = threading.Thread(target=work)
worker.start()
for _ in range(30):
    pid = os.fork()
    if pid == 0:
        a = [fr.relu(x) for _ in range(3)]
        os._exit(0 if all((b == 2).all() for b in a) else 7)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
worker.join()
print("fine")
"""
    assert python("warnings.simplefilter('ignore', DeprecationWarning)\n" + LIVE + code) == "fine"


EXITS = {
    "in the main thread": """
import atexit
sys.keep, np.keep, fr.memory.keep = fr.relu(x), fr.relu(x), fr.relu(x)
loop = [fr.relu(x)]
loop.append(loop)
del loop
atexit.register(lambda a=live: a.sum())
atexit.register(lambda: fr.relu(x))
class Last:
    def __init__(self): self.array, self.function = fr.relu(x), fr.relu
    def __del__(self): self.array[0]
last = Last()
try:
    raise KeyError(fr.relu(x))
except KeyError as error:
    keep = error
""",
    "in other threads": """
import time
threading.Thread(target=lambda a=live: (time.sleep(0.05), a.sum())).start()
threading.Thread(target=lambda a=live: time.sleep(9), daemon=True).start()
""",
}


@pytest.mark.parametrize("where", EXITS)
def test_exit_with_live_results(where):
    """Not a word on stderr: the buffers' owners die when the module is half gone."""
    assert python(LIVE + EXITS[where] + "print('fine')") == "fine"


def test_no_memory():
    """A MemoryError, as NumPy raises, from whatever size; and calls work again afterwards, out of what is free."""
    code = """
import resource
x = np.ones(64 << 20, np.uint8).view(np.float32)
fr.relu(x[: 4 << 20])
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (24 << 20),) * 2)
for operand in (x, x.astype(np.float32, copy=False).reshape(4, -1), x[::-1]):
    try:
        fr.relu(operand)
    except MemoryError as error:
        print("MemoryError", end=" ")
held = []
try:
    while True:
        held.append(fr.relu(x[:100_000]))
except MemoryError as error:
    print("small", end=" ")
assert all((array == fr.relu(x[:1])).all() for array in held)
held.clear()
assert (fr.relu(x[: 1 << 20]) == x[0]).all()
print("fine")
"""
    assert python(code).split() == ["MemoryError"] * 3 + ["small", "fine"]

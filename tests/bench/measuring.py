"""What the sections of tests/bench/run measure with, and how they print it."""
import contextlib
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
CORES = len(os.sched_getaffinity(0))
MIB = 1 << 20


# --- running programs -----------------------------------------------------------------------------


def program(name):
    return os.path.join(BUILD, name)


def run(*command, output=subprocess.DEVNULL):
    """Runs a command to its end and returns the seconds it took."""
    begin = time.perf_counter()
    subprocess.run(command, stdout=output, check=True)
    return time.perf_counter() - begin


def start_pipeline(commands, output=subprocess.DEVNULL):
    """Starts commands joined by pipes."""
    processes, source = [], None
    for command in commands:
        last = len(processes) + 1 == len(commands)
        process = subprocess.Popen(command, stdin=source,
                                   stdout=output if last else subprocess.PIPE)
        if source:
            source.close()
        source = process.stdout
        processes.append(process)
    return processes


def finish_pipeline(processes):
    """Waits for all and returns the processor seconds of each."""
    seconds = []
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(usage.ru_utime + usage.ru_stime)
    for process in processes:
        if process.returncode:
            sys.exit(f"{' '.join(process.args)}: exit status {process.returncode}")
    return seconds


def time_pipeline(*commands):
    """The seconds that a pipeline takes, and the processor seconds of each command."""
    begin = time.perf_counter()
    processor_seconds = finish_pipeline(start_pipeline(commands))
    return time.perf_counter() - begin, processor_seconds


class Server:
    """A process that answers each line with the seconds that what it names took."""

    def __init__(self, *command, **environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **environment})

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.process.args)}: ended early")
        return line.rstrip("\n")

    def numbers(self, what):
        """An answer of several numbers."""
        print(what, file=self.process.stdin, flush=True)
        numbers = [float(number) for number in self.read().split("\t")]
        time.sleep(0.25)  # its threads may spin on for a while
        return numbers

    def time(self, what):
        (seconds,) = self.numbers(what)
        return seconds

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def medians(repeat, *measures):
    """Calls each in turn, so many times, after once for warmth; returns their medians."""
    for measure in measures:
        measure()
    rounds = [[measure() for measure in measures] for _ in range(repeat)]
    return [statistics.median(column) for column in zip(*rounds)]


# --- what else the machine does --------------------------------------------------------------------


def busy_seconds():
    """Processor seconds spent by anyone."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@contextlib.contextmanager
def section(title, columns):
    """Prints a section's head, and after it what share of the processors others took."""
    print(f"\n{title}")
    print_row(columns)
    begin, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    yield
    wall = time.perf_counter() - begin
    others = (busy_seconds() - busy - (own_seconds() - own)) / wall / CORES
    print(f"others: {max(others, 0):.0%} of the processors, load {os.getloadavg()[0]:.1f}",
          flush=True)


def print_row(cells):
    first, *rest = cells
    print(f"  {first:<34}" + "".join(f"{cell:>13}" for cell in rest), flush=True)


def verdict(good):
    return "yes" if good else "NO"


# --- data -------------------------------------------------------------------------------------------


def synthesise(path, *options):
    """A model of Gaussian weights, in the page cache and on its way to the disk no more."""
    run(program("st-synth"), "-q", "--random", *options, "-o", path)
    os.sync()
    return path


def stream_of(model, path, *casts):
    """The stream of all layers of a model, cast if so wanted, in a file."""
    commands = [[program("st-layers"), "--all", "-q", model]]
    if casts:
        commands.append([program("prec-cast"), ",".join(casts)])
    with open(path, "wb") as file:
        finish_pipeline(start_pipeline(commands, file))
    os.sync()
    return path


def repeat_frames(path, times):
    """The frames of a stream so many times over, in one stream. Returns how many there are."""
    with open(path, "rb") as file:
        data = file.read()
    at, frames = 0, 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        header = json.loads(data[at + 8:at + 8 + length])
        metadata = header.pop("__metadata__")
        if metadata["kind"] == "end":
            break
        at += 8 + length + sum(tensor["data_offsets"][1] for tensor in header.values())
        frames += 1
    metadata["frames"] = str(frames * times)
    end = json.dumps({"__metadata__": metadata}).encode()
    with open(path, "wb") as file:
        for _ in range(times):
            file.write(data[:at])
        file.write(struct.pack("<Q", len(end)) + end)
    return frames * times


# --- what may be missing ----------------------------------------------------------------------------


def fetch(script, path):
    """What a script of tests/ fetches; null when it cannot, which the script has said."""
    if not os.path.exists(path):
        subprocess.run([os.path.join(ROOT, "tests", script)], cwd=ROOT)
    return path if os.path.exists(path) else None


def find_python(given):
    """A Python that has numpy."""
    for python in [given] if given else [sys.executable]:
        if not subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
            return python
    return None if given else fetch("fetch-venv", os.path.join(ROOT, "tests/data/venv/bin/python"))


def find_model(given):
    folder = fetch("fetch-minilm", os.path.join(ROOT, "tests/data/minilm")) if not given else given
    return folder

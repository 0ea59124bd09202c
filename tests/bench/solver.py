"""The section solver of tests/bench/run: the two-stage eigensolver beside LAPACK's, in one process."""
import statistics

from measuring import CORES, Server, print_row, program, section, verdict

# Sides, how often, and at least so many times faster than dsyrk and dsyevd, for the largest tenth.
CASES = [(256, 7, None), (384, 7, None), (512, 7, None), (1024, 7, None), (2048, 5, 1.7), (4096, 3, 2.2), (8192, 1, 3)]
QUICK_SIDE = 4096
STAGE_SIDES = (1024, 2048, 4096)
BAND = 48  # common/kernels.h
PEAK_GOAL = 0.6
AVX2_SIDE, AVX2_GOAL = 4096, 1.3
COLUMNS = ["solver", "kernels", "n", "threads", "seconds", "layers"]


def taking_turns(repeat, measures):
    """The medians of each measure, of which each returns several numbers; the first round is for warmth."""
    rounds = [[measure() for measure in measures] for _ in range(repeat + 1)][1 if repeat > 1 else 0:]
    return [[statistics.median(values) for values in zip(*column)] for column in zip(*rounds)]


class Table:
    """Seconds by solver and side, a row each, for a plot of time against n."""

    def __init__(self, path):
        self.file = open(path, "w") if path else None
        self.add(*COLUMNS)

    def add(self, *cells):
        if self.file:
            print(*cells, sep="\t", file=self.file, flush=True)


def ways():
    """How matrices are spread: a name, how many at once, and threads for each."""
    return [("1 thread", 1, 1), (f"one, {CORES} threads", 1, CORES), (f"{CORES} at once", CORES, 1)]


def measure_side(side, repeat, goal, table):
    """A row for each way; returns nothing, as all is printed."""
    server = Server(program("tests/bench/solver"), str(side))
    kernels, core, chosen = server.read().split("\t")
    top = max(10, side // 10) + 1
    for name, layers, threads in ways():
        lines = [f"two-stage {kernels} {layers} {threads} {side}",
                 f"two-stage {kernels} {layers} {threads} {top}", f"lapack {layers} {threads}"]
        (whole,), (largest,), (lapack,) = taking_turns(repeat, [lambda line=line: server.numbers(line) for line in lines])
        cells = [f"{whole:.5f}", f"{largest:.5f}", f"{lapack:.5f}", f"{lapack / whole:.2f}",
                 f"{lapack / largest:.2f}", chosen]
        if goal and threads * layers == CORES:
            cells += [f">= {goal}", verdict(lapack >= goal * largest)]
        elif side <= 512:
            # What spectrum takes of itself is what must not be slower.
            cells += [">= 1", verdict(chosen == "lapack" or lapack >= whole)]
        print_row([f"{side}, {name}", *cells])
        for solver, unit, seconds in (("two-stage", kernels, whole), ("two-stage-top", kernels, largest),
                                      ("lapack", core, lapack)):
            table.add(solver, unit, side, layers * threads, f"{seconds:.6f}", layers)
    server.close()


def measure_stages(side, repeat):
    """Seconds of the stages, and what share of the peak they reach, measured in turns with it."""
    server = Server(program("tests/bench/solver"), str(side))
    best = server.read().split("\t")[0]
    operations = [side ** 3, 4 / 3 * side ** 3, 6 * side ** 2 * BAND]
    for kernels in dict.fromkeys([best, "avx2"] if best == "avx512" else [best]):
        for name, layers, threads in ways():
            lines = [f"stages {kernels} {layers} {threads} {side}", f"peak {kernels} {layers * threads}"]
            stages, (peak,) = taking_turns(repeat, [lambda line=line: server.numbers(line) for line in lines])
            shares = [f"{count / seconds / peak:.0%}" if peak else "" for count, seconds in zip(operations, stages)]
            cells = [f"{seconds:.4f}" for seconds in stages] + [f"{peak / 1e9:.0f}"] + shares
            if peak:
                share = sum(operations[:2]) / sum(stages[:2]) / peak
                cells.append(f"{share:.0%}")
                if side == 4096 and layers > 1:
                    cells += [f">= {PEAK_GOAL:.0%}", verdict(share >= PEAK_GOAL)]
            print_row([f"{side}, {kernels}, {name}", *cells])
    server.close()


def measure_avx2(repeat, table):
    """What a processor without AVX-512 would see, of both."""
    server = Server(program("tests/bench/solver"), str(AVX2_SIDE), OPENBLAS_CORETYPE="Haswell")
    _, core, _ = server.read().split("\t")
    for name, layers, threads in ways()[1:]:
        lines = [f"two-stage avx2 {layers} {threads} {AVX2_SIDE}",
                 f"two-stage avx2 {layers} {threads} {AVX2_SIDE // 10 + 1}", f"lapack {layers} {threads}"]
        (whole,), (largest,), (lapack,) = taking_turns(repeat, [lambda line=line: server.numbers(line) for line in lines])
        print_row([f"{AVX2_SIDE}, {name}, {core}", f"{whole:.5f}", f"{largest:.5f}", f"{lapack:.5f}",
                   f"{lapack / whole:.2f}", f"{lapack / largest:.2f}", "", f">= {AVX2_GOAL}",
                   verdict(lapack >= AVX2_GOAL * largest)])
        for solver, unit, seconds in ("two-stage", "avx2", whole), ("two-stage-top", "avx2", largest), \
                ("lapack", core, lapack):
            table.add(solver, unit, AVX2_SIDE, layers * threads, f"{seconds:.6f}", layers)
    server.close()


def measure(options, _work):
    table = Table(options.tsv)
    columns = ["", "all", "largest 10%", "LAPACK", "LAPACK/all", "LAPACK/10%", "auto takes", "goal", "met"]
    with section("solver: BF16 to eigenvalues, and dsyrk with dsyevd (float64, warm), s a matrix", columns):
        for side, repeat, goal in CASES:
            if not options.quick or side <= QUICK_SIDE:
                measure_side(side, options.repeat or repeat, goal, table)
    with section("solver: the same by AVX2 alone", columns):
        measure_avx2(options.repeat or 3, table)
    with section("solver: its stages, s a matrix, and shares of the peak of multiply-adds",
                 ["", "Gram", "reduction", "chasing", "bisection", "peak, GF", "Gram", "reduction", "chasing",
                  "Gram + red.", "goal", "met"]):
        for side in STAGE_SIDES:
            measure_stages(side, options.repeat or 3)

"""The section of tests/bench/run for spectrum --gpu: speed, against bare calls and torch on the same GPU."""
import os
import subprocess
import sys

from measuring import (HERE, Server, find_python, medians, print_row, program, run, section, stream_of,
                       synthesise, time_pipeline, verdict)
from solver import Table

CASTS = ["fp32", "fp16", "bf16"]
SVD_GOAL = 8
BARE_GOAL = 1.05
EXACT_GOAL = 1.1
BATCH_GOAL = 3
# Side, matrices, ms a matrix at most.
SOLVER_CASES = [(512, 32, 0.10, "batched"), (1024, 32, 0.40, "batched"), (2048, 16, 1.9), (4096, 1, 36),
                (4096, 16, 8.5), (8192, 8, 60)]
PIPE_GOAL, PIPE_RATE = 5, 4  # times dd, and GB/s


def pipeline(model, *casts):
    return [[program("st-layers"), "-q", model], [program("prec-cast"), ",".join(casts)],
            [program("spectrum"), "--gpu", "-q"], [program("hill-alpha")]]


def measure_job(options, work, model, layers):
    """The whole job, and the calls it cannot do without."""
    stream = stream_of(model, os.path.join(work, "casts.st"), *CASTS)
    small = synthesise(os.path.join(work, "small.safetensors"), "--shape=512x512")
    one = stream_of(small, os.path.join(work, "one.st"))
    python = find_python(options.python) or sys.executable
    with section(f"gpu: {layers} decoder layers of llama-3.1-8b, BF16, at {','.join(CASTS)}, s",
                 ["", "seconds", "this/ours", "goal", "met"]):
        bare = Server(program("tests/bench/bare_cuda"), stream)
        torch = Server(python, os.path.join(HERE, "torch_gpu.py"), model)
        name = torch.read()
        for server, call in ((bare, "once"), (torch, "svdvals"), (torch, "eigvalsh")):
            server.time(call)
        ours, start, once, every, eigvalsh = medians(
            options.repeat or 3, lambda: time_pipeline(*pipeline(model, *CASTS))[0],
            lambda: run(program("spectrum"), "--gpu", "--gpu-side", "1", "-q", one),
            lambda: bare.time("once"), lambda: bare.time("every"),
            lambda: len(CASTS) * torch.time("eigvalsh"))
        svdvals = len(CASTS) * torch.time("svdvals")
        bare.close()
        torch.close()
        print_row(["the pipeline, all of it", f"{ours:.3f}"])
        print_row(["one matrix of 512 x 512", f"{start:.3f}", f"{start / ours:.3f}"])
        for what, seconds, goal in (
                ("torch svdvals, float32", svdvals, SVD_GOAL),
                ("torch eigvalsh of Gram, float64", eigvalsh, 1 / BARE_GOAL),
                ("bare syrk and Xsyevd, every cast", every, 1 / BARE_GOAL),
                ("... different matrices only", once, 1 / BARE_GOAL)):
            print_row([what, f"{seconds:.3f}", f"{seconds / ours:.3f}", f">= {goal:.2f}",
                       verdict(seconds >= goal * ours)])
        print_row(["... without start and end of CUDA", f"{once:.3f}", f"{once / (ours - start):.3f}"])
    print(name)


def measure_exact(options, model):
    with section("gpu: casts that change nothing, s", ["", "seconds", "ratio", "goal", "met"]):
        one, two = medians(options.repeat or 3, *(lambda casts=casts: time_pipeline(*pipeline(model, *casts))[0]
                                                  for casts in (["bf16"], ["fp32", "bf16"])))
        print_row(["bf16", f"{one:.3f}"])
        print_row(["fp32,bf16", f"{two:.3f}", f"{two / one:.3f}", f"<= {EXACT_GOAL}",
                   verdict(two <= EXACT_GOAL * one)])


def measure_stages(options, work, model):
    """What each program takes when those beside it take nothing: its input is a file, its output is dropped."""
    with section("gpu: each stage alone, from the page cache, s", ["", "seconds"]):
        layers = stream_of(model, os.path.join(work, "layers.st"))
        casts = os.path.join(work, "casts.st")
        spectra = os.path.join(work, "spectra.st")
        with open(spectra, "wb") as file:
            run(program("spectrum"), "--gpu", "-q", casts, output=file)
        stages = {"st-layers": ["-q", model], "prec-cast": [",".join(CASTS), layers],
                  "spectrum": ["--gpu", "-q", casts], "hill-alpha": [spectra]}
        for name, operands in stages.items():
            (seconds,) = medians(options.repeat or 3, lambda: run(program(name), *operands))
            print_row([name, f"{seconds:.3f}"])
        os.remove(layers)


def measure_pipes(options, model):
    """What a consumer is given that does nothing but check the hashes; and what a copy of the file takes."""
    size, sink = os.path.getsize(model), program("tests/bench/sink")
    dd = ["dd", "bs=1M", "status=none"]
    layers, cast = pipeline(model, *CASTS)[:2]
    with section("gpu: bytes that come out of pipes", ["", "seconds", "GB/s", "of dd", "goal", "met"]):
        copied, sent, all_casts = medians(
            options.repeat or 5, lambda: time_pipeline([*dd, "if=" + model], [*dd, "of=/dev/null"])[0],
            lambda: time_pipeline(layers, [sink])[0], lambda: time_pipeline(layers, cast, [sink])[0])
        print_row(["dd bs=1M | dd bs=1M", f"{copied:.3f}", f"{size / copied / 1e9:.2f}"])
        for name, seconds, count in (("st-layers | sink", sent, size),
                                     ("st-layers | prec-cast | sink", all_casts, len(CASTS) * size)):
            rate = count / seconds / 1e9
            ratio = rate / (size / copied / 1e9)
            print_row([name, f"{seconds:.3f}", f"{rate:.2f}", f"{ratio:.1f}",
                       f">= {PIPE_GOAL}, {PIPE_RATE}", verdict(ratio >= PIPE_GOAL and rate >= PIPE_RATE)])


def measure_batches(options, work):
    """Small matrices of equal shape: together, and one call after the other."""
    with section("gpu: small matrices, without start and end of CUDA, ms a matrix",
                 ["", "ours", "one by one", "ratio", "goal", "met"]):
        for side, count in ((384, 512), (512, 256), (1024, 128)):
            model = synthesise(os.path.join(work, "small.safetensors"), "-t", "BF16",
                               *[f"--shape={side}x{side}"] * count)
            stream = stream_of(model, os.path.join(work, "small.st"))
            one = stream_of(synthesise(os.path.join(work, "one.safetensors"), f"--shape={side}x{side}"),
                            os.path.join(work, "one.st"))
            bare = Server(program("tests/bench/bare_cuda"), stream)
            start, ours, single = medians(
                options.repeat or 3, *(lambda path=path: run(program("spectrum"), "--gpu", "-q", path)
                                       for path in (one, stream)), lambda: bare.time("once"))
            bare.close()
            each, alone = (ours - start) / count * 1e3, single / count * 1e3
            print_row([f"{count} of {side} x {side}", f"{each:.3f}", f"{alone:.3f}",
                       f"{alone / each:.2f}", f">= {BATCH_GOAL}", verdict(alone >= BATCH_GOAL * each)])


def measure_solvers(options):
    """Our solver of many matrices at once, without the Gram matrix, beside cuSOLVER's."""
    rows = []
    with section("gpu: eigenvalues of many matrices at once, ms a matrix",
                 ["side", "matrices", "ours", "goal", "met", "Xsyevd", "ratio", "XsyevBatched", "error"]):
        for side, count, goal, *more in SOLVER_CASES:
            line = subprocess.run([program("tests/bench/cuda_solvers"), str(side), str(count),
                                   str(options.repeat or 5), *more], stdout=subprocess.PIPE, text=True,
                                  check=True).stdout.split()
            ours, xsyevd = float(line[2]), float(line[3])
            print_row([str(side), str(count), f"{ours:.4f}", f"<= {goal}", verdict(ours <= goal),
                       f"{xsyevd:.2f}", f"{xsyevd / ours:.1f}", *line[4:6]])
            rows += [("two-stage", side, count, ours), ("xsyevd", side, 1, xsyevd)]
    table = Table(options.tsv)
    for solver, side, count, each in rows:
        table.add(solver, "cuda", side, count, f"{each / 1e3:.6g}", count)


def what_is_missing(work):
    """What spectrum --gpu says that it lacks; null if it runs."""
    small = synthesise(os.path.join(work, "small.safetensors"), "--shape=256x256")
    found = subprocess.run([program("spectrum"), "--gpu", stream_of(small, os.path.join(work, "small.st"))],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return found.stderr.strip() if found.returncode else None


def measure(options, work):
    missing = what_is_missing(work)
    if missing:
        print(f"\ngpu\n  skipped: {missing}")
        return
    layers = 2 if options.quick else 4
    model = synthesise(os.path.join(work, "model.safetensors"), "--like=llama-3.1-8b",
                       f"--layers={layers}", "--no-embeddings", "-t", "BF16")
    measure_solvers(options)
    measure_job(options, work, model, layers)
    measure_exact(options, model)
    measure_stages(options, work, model)
    measure_pipes(options, model)
    measure_batches(options, work)

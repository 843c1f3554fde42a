"""The check reader on fields of MNIST digits: before and after training through the graph, and with a sliding window.

    python benchmarks/accuracy/check_reader.py [../shared/data/digits] [--test 200] [--quick]

Fields are held out from the end of fields_train; isolated digits that stand in one of them are not learned from. (But
digit images come back in other fields: how many is printed.) Everything runs as users would run it, by `lattice train`,
`recognize` and `evaluate`; rows of torch need the extra torch. Prints a table and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "samples" / "check-reader-mnist.yaml"
AMOUNTS = ROOT / "grammars" / "amounts.yaml"
#: A step for every four columns, each seeing some twenty of them.
SLIDING = [
    "alignment.kind=ctc",
    "recognizer.layers=[{channels: 8, size: [5, 5], stride: [1, 2]}, {channels: 16, size: [3, 3], stride: [2, 2]}, "
    "{channels: 64, size: [4, 5], stride: [2, 1]}]",
    "recognizer.window=3",
    "objective.l2=0.002",
    "optimizer.decay=0.93",
    "training.batch=10",
]
#: A CNN of PyTorch on every segment, cuts with energies of their own, digits moved by up to two pixels.
TORCH = [
    "recognizer.kind=torch",
    "recognizer.layers=[]",
    "recognizer.activation=tanh",
    "recognizer.torch={module: networks.py:SmallCnn, arguments: {channels: 16}}",
    "optimizer.method=torch",
    "optimizer.torch={name: AdamW, arguments: {weight_decay: 0.02}, schedule: OneCycleLR}",
    "training.average=0",
    "data.augment.shift=2",
    "objective.l2=0",
    "data.hold_out=0",
]
#: A step for every four columns: convolutions and an LSTM along the field.
LINES = [
    "alignment.kind=ctc",
    "recognizer.torch={module: networks.py:LineReader, arguments: {channels: 16, units: 64}, reads: sequences}",
]


def lattice(*arguments: object) -> str:
    found = subprocess.run(
        [sys.executable, "-m", "lattice_cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise SystemExit(f"lattice {' '.join(map(str, arguments))}: {found.stderr}")
    return found.stdout


def write(path: pathlib.Path, images: list[np.ndarray], texts: list[str]) -> pathlib.Path:
    """An .npz of inputs; an image is (columns, rows)."""
    told = {"targets": texts, "ids": [str(number) for number in range(len(texts))]}
    np.savez(
        path,
        inputs=np.concatenate(images),
        lengths=np.array([len(image) for image in images]),
        scale=np.array(255.0),
        **{name: np.frombuffer(json.dumps(each).encode(), dtype=np.uint8) for name, each in told.items()},
    )
    return path


def cropped(image: np.ndarray) -> np.ndarray:
    """The columns with ink, as a box has them."""
    inked = np.flatnonzero(image.any(axis=1))
    return image[inked[0] : inked[-1] + 1]


def files(folder: pathlib.Path, work: pathlib.Path, held_out: int) -> dict[str, Any]:
    """Training fields, test fields, isolated digits to learn from, and the test fields' digits by their true boxes."""
    fields = json.loads((folder / "fields_train.json").read_text())
    arrays = np.load(folder / "fields_train.npz")
    columns, widths = arrays["columns"], arrays["widths"]
    images = [columns[:, end - width : end].T for end, width in zip(np.cumsum(widths), widths)]
    texts = [field["text"] for field in fields]
    split = len(fields) - held_out
    test_digits = {digit for field in fields[split:] for digit in field["digits"]}
    known = {digit for field in fields[:split] for digit in field["digits"]}
    with np.load(folder / "mnist5k_trainpool.npz") as file:
        pool = {name: file[name] for name in file.files}
    free = [number for number, index in enumerate(pool["index"].tolist()) if index not in test_digits]
    digits = [pool["images"][each].T for each in free]
    boxes = [
        (image[low:high], letter)
        for image, field in zip(images[split:], fields[split:])
        for (low, high), letter in zip(field["boxes"], field["text"])
    ]
    return {
        "train": write(work / "train.npz", images[:split], texts[:split]),
        "test": write(work / "test.npz", images[split:], texts[split:]),
        "digits": write(
            work / "digits.npz", [cropped(image) for image in digits], [str(pool["labels"][each]) for each in free]
        ),
        "boxes": write(work / "boxes.npz", [box for box, _ in boxes], [letter for _, letter in boxes]),
        "lengths": [len(text) for text in texts[split:]],
        "shared": len(test_digits & known) / len(test_digits),
    }


def trained(work: pathlib.Path, name: str, data: pathlib.Path, settings: list[str]) -> tuple[pathlib.Path, float]:
    """A model trained as the configuration says, and the seconds it took."""
    begun = time.perf_counter()
    told = [part for each in (f"data.train={data}", *settings) for part in ("--set", each)]
    lattice("train", CONFIG, "-o", work / name, "--restart", *told)
    return work / name, time.perf_counter() - begun


def with_true_cuts(model: pathlib.Path, work: pathlib.Path, found: dict[str, Any]) -> dict[str, Any]:
    """Digits and fields that are right if every box is read by itself."""
    lines = lattice("recognize", "--trust-code", model, found["boxes"])
    (work / "boxes.jsonl").write_text(lines)
    records = lattice("evaluate", work / "boxes.jsonl", "--per-record", "--json").splitlines()[:-1]
    right = [json.loads(record)["correct"] == 1 for record in records]
    ends = np.cumsum(found["lengths"])
    whole = [all(right[end - length : end]) for end, length in zip(ends, found["lengths"])]
    return {"exact": float(np.mean(whole)), "digit_error": 1 - float(np.mean(right))}


def through_the_graph(
    model: pathlib.Path, work: pathlib.Path, found: dict[str, Any], *options: str, read: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Fields read through the segmentation graph (or CTC) and the grammar, and what can be accepted at 1 % error."""
    (work / "graphs.jsonl").write_text(lattice("recognize", "--trust-code", model, found["test"], *read))
    told = json.loads(lattice("evaluate", work / "graphs.jsonl", "-g", AMOUNTS, "--reject", "--json", *options))
    return {
        "exact": told["exact"]["rate"],
        "interval": told["exact"]["interval"],
        "digit_error": told["labels"]["rate"],
        "reject": told["reject"],
    }


def show_curve(curve: list[dict[str, float]]) -> None:
    """Rates at thresholds of the confidence."""
    print("\nafter training through the graph: fields by the confidence of their answer")
    print(f"{'at least':>10} {'correct':>8} {'reject':>8} {'error':>8}")
    wanted = {round(len(curve) * tenth / 10) - 1 for tenth in range(1, 11)}
    for number, point in enumerate(curve):
        if number in wanted:
            rates = (point["correct_rate"], point["reject_rate"], point["error_rate"])
            print(f"{point['threshold']:10.4f} " + " ".join(f"{rate:8.1%}" for rate in rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=ROOT.parent / "shared" / "data" / "digits", type=pathlib.Path)
    parser.add_argument("--test", type=int, default=200, help="fields held out")
    parser.add_argument("--quick", action="store_true", help="a few epochs, to see that it works")
    parser.add_argument("--only", choices=("numpy", "torch"), help="rows of networks of this kind only")
    options = parser.parse_args()
    few = ["training.epochs=2"] if options.quick else []
    rows: list[dict[str, Any]] = []

    def row(name: str, seconds: float, told: dict[str, Any]) -> None:
        rows.append({"name": name, "seconds": seconds, **told})
        at = told.get("reject", {}).get("at")
        kept = "{correct_rate:.0%} / {reject_rate:.0%} / {error_rate:.0%}".format(**at) if at else ""
        print(f"{name:44} {seconds:8.1f} {told['exact']:8.3f} {told['digit_error']:12.4f}  {kept}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        found = files(options.folder, work, options.test)
        again = found["shared"]
        print(f"{options.test} fields held out; {again:.0%} of their digit images stand in training fields too")
        print(f"{'':44} {'train s':>8} {'fields':>8} {'digit error':>12}  correct / reject / error")
        isolated = ["alignment.kind=whole", "grammar.file="]
        if options.only != "torch":
            linear = ["recognizer.kind=linear", "recognizer.layers=[]", "optimizer.method=lbfgs", "training.epochs=100"]
            model, seconds = trained(work, "linear.npz", found["digits"], [*isolated, *linear, "objective.l2=0.01"])
            row("linear on isolated digits, true cuts", seconds, with_true_cuts(model, work, found))
            model, seconds = trained(work, "isolated.npz", found["digits"], [*isolated, *few])
            row("network on isolated digits, true cuts", seconds, with_true_cuts(model, work, found))
            # Outputs that were trained to tell digits apart say nothing about how many there are; probabilities do.
            cuts = ("--set", "alignment.kind=segments", "--set", "recognizer.output=log-softmax")
            row("the same, own cuts: before", 0.0, through_the_graph(model, work, found, read=cuts))
            start = [f"training.start={model}", *few]
            model, seconds = trained(work, "graph.npz", found["train"], start)
            row("trained through the graph: after", seconds, through_the_graph(model, work, found))
            model, seconds = trained(work, "text.npz", found["train"], few)
            row("through the graph, from the text alone", seconds, through_the_graph(model, work, found))
            model, seconds = trained(work, "sliding.npz", found["train"], [*SLIDING, *few])
            row("sliding window (SDNN), CTC", seconds, through_the_graph(model, work, found, "--ctc", "_"))
        if options.only != "numpy" and importlib.util.find_spec("torch") is None:
            print("torch is not installed (the extra torch): its rows are left out", file=sys.stderr)
        elif options.only != "numpy":
            begin = [*isolated, *TORCH, "optimizer.rate=0.01", "training.epochs=10", "training.batch=50", *few]
            start, seconds = trained(work, "digits.npz", found["digits"], begin)
            row("torch: CNN on isolated digits, true cuts", seconds, with_true_cuts(start, work, found))
            on = [*TORCH, "optimizer.rate=0.003", "alignment.cuts=linear", "training.epochs=20"]
            model, seconds = trained(work, "torch.npz", found["train"], [*on, f"training.start={start}", *few])
            row("torch: after, with learned cuts", seconds, through_the_graph(model, work, found))
            on = [*TORCH, *LINES, "optimizer.rate=0.005", "training.epochs=40"]
            model, seconds = trained(work, "lines.npz", found["train"], [*on, *few])
            row(
                "torch: CNN and LSTM along the field, CTC", seconds, through_the_graph(model, work, found, "--ctc", "_")
            )
    if options.only != "torch":
        show_curve(next(each for each in rows if each["name"].endswith("after"))["reject"]["points"])
    for each in rows:
        each.get("reject", {}).pop("points", None)
    print(json.dumps({"benchmark": "check_reader", "test": options.test, "shared": found["shared"], "rows": rows}))


if __name__ == "__main__":
    main()

"""Which options stand together in --help, which ones -h has, and which pages go further.

An option means the same in every command, so it has one place; where a command means something else by it, or has it
for another reason, OF_COMMAND says so.
"""

from __future__ import annotations

#: Heading -> the options below it, in this order, each by its long name.
BLOCKS: dict[str, tuple[str, ...]] = {
    "What to find": (
        "--nbest", "--distinct", "--by", "--mbr", "--confidence", "--posteriors", "--beta", "--samples", "--seed",
        "--posterior", "--references", "--oracle", "--reject", "--reject-at", "--threshold",
        "--entities", "--bleu",
        "--max-arcs",
    ),
    "Scales": ("--tune", "--range", "--grid", "--folds", "--leave-out", "--directions", "--restarts"),
    "Losses": (
        "--target", "--loss", "--latent", "--margin", "--cap", "--gamma", "--square-square", "--budget", "--check",
        "--minimise",
    ),
    "Bounds": ("--proposal", "--importance", "--fit", "--tie", "--gradient", "--every"),
    "What to build": (
        "--spell", "--loop", "--around", "--output-words", "--vocabulary", "--no-stress", "--backoff", "--no-unk",
        "--blank", "--form", "--rule", "--uniform", "--depth",
    ),
    "What to make of it": ("--union", "--energy", "--plus", "--closure", "--optional", "--id"),
    "The network": ("--context", "--embedding", "--hidden", "--activation", "--energy-scale"),
    "Configuration and training": (
        "--set", "--keys", "--resume", "--restart", "--start", "--epochs", "--batch", "--rate", "--decay", "--hold-out",
    ),
    "What to write": ("--output", "--to", "--html", "--lossy", "--write-symbols", "--write-labels", "--force"),
    "Grammar": ("--grammar", "--as", "--ctc", "--combine", "--provenance"),
    "Matrices": ("--labels", "--logp", "--prob", "--logits", "--log10", "--row-time", "--beam", "--max-active",
        "--max-states"),
    "Words and language models": ("--lm", "--lm-scale", "--word-energy", "--hot", "--hot-words"),
    "What to show": (
        "--arcs", "--scores", "--nodes", "--per-word", "--times", "--of", "--lagrangian", "--confusions",
        "--per-record", "--strip", "--label-uses", "--confusion-sets", "--heaviest", "--against", "--strict",
        "--json", "--tsv", "--all", "--color",
    ),
    "Reading input": (
        "--format", "--scale", "--split", "--encoding", "--symbols", "--isymbols", "--osymbols", "--epsilon",
        "--acceptor", "--node-words", "--keep-tags",
    ),
    "Running": (
        "--jobs", "--cluster", "--shard", "--keep-going", "--no-path-ok", "--trust-code", "--quiet", "--version", "-h",
        "--help",
    ),
}  # fmt: skip

#: Command and option -> heading, where that is not the place of the option elsewhere.
OF_COMMAND: dict[str, str] = {
    "prune --beam": "What to find",
    "neural --seed": "Configuration and training",
    "recognize --check": "What to show",
    "train --grid": "Configuration and training",
}

#: Command -> the options that it is mostly used with, for -h.
BRIEF: dict[str, tuple[str, ...]] = {
    "show": (
        "--arcs", "--heaviest", "--confusion-sets", "--label-uses", "--strip", "--against", "--beta", "--labels",
        "--logp", "--json",
    ),
    "draw": ("--output", "--to", "--grammar", "--of", "--ctc", "--beta", "--labels", "--logp", "--osymbols"),
    "viterbi": (
        "--grammar", "--nbest", "--distinct", "--confidence", "--labels", "--logp", "--ctc", "--lm", "--arcs", "--json",
    ),
    "forward": (
        "--beta", "--arcs", "--nodes", "--grammar", "--ctc", "--labels", "--logp", "--lagrangian", "--scale", "--json",
    ),
    "sample": ("--samples", "--beta", "--seed", "--grammar", "--ctc", "--labels", "--logp", "--scale", "--json"),
    "compose": ("--output", "--ctc", "--combine", "--labels", "--logp", "--scale", "--osymbols"),
    "prune": ("--beam", "--posterior", "--beta", "--output", "--labels", "--logp", "--scale", "--osymbols"),
    "evaluate": (
        "--references", "--per-record", "--confusions", "--oracle", "--reject", "--entities", "--grammar", "--ctc",
        "--split", "--json",
    ),
    "score": ("--grammar", "--per-word", "--by", "--split", "--encoding", "--json", "--tsv", "--jobs"),
    "loss": (
        "--target", "--loss", "--grammar", "--beta", "--margin", "--arcs", "--check", "--ctc", "--labels", "--json",
    ),
    "bound": (
        "--proposal", "--beta", "--samples", "--importance", "--fit", "--tie", "--grammar", "--ctc", "--seed", "--json",
    ),
    "lagrangian": ("--minimise", "--check", "--json", "--tsv", "--output"),
    "tune": (
        "--references", "--scale", "--tune", "--range", "--grid", "--folds", "--leave-out", "--lm", "--grammar",
        "--json",
    ),
    "train": ("--output", "--set", "--grid", "--jobs", "--keys", "--resume", "--json"),
    "recognize": ("--output", "--set", "--check", "--json", "--jobs"),
    "convert": (
        "--to", "--output", "--lossy", "--write-symbols", "--format", "--labels", "--logp", "--osymbols", "--scale",
    ),
    "words": (
        "--output", "--spell", "--loop", "--around", "--output-words", "--union", "--closure", "--optional", "--energy",
    ),
    "dict": ("--output", "--vocabulary", "--loop", "--no-stress", "--union", "--closure", "--optional"),
    "arpa": ("--output", "--backoff", "--no-unk", "--union", "--closure", "--optional"),
    "lm": ("--output", "--no-unk", "--encoding"),
    "ctc": ("--blank", "--output", "--form"),
    "transcript": ("--output", "--spell", "--union", "--closure", "--optional", "--energy"),
    "regex": ("--output", "--spell", "--vocabulary", "--union", "--closure", "--optional", "--energy"),
    "jsgf": ("--output", "--rule", "--uniform", "--depth", "--union", "--closure", "--optional", "--energy"),
    "fsg": ("--output", "--union", "--closure", "--optional", "--energy", "--id"),
    "neural": (
        "--output", "--context", "--hidden", "--embedding", "--epochs", "--hold-out", "--rate", "--spell",
        "--vocabulary", "--start",
    ),
    "union": ("--output", "--energy", "--plus", "--closure", "--optional", "--id"),
    "samples": ("--force",),
    "completion": (),
    "help": (),
}  # fmt: skip

#: Command -> the pages that say more of it.
PAGES: dict[str, tuple[str, ...]] = {
    "lattice": ("start", "formats", "scripts"),
    "show": ("start", "lattices"),
    "draw": ("lattices",),
    "viterbi": ("lattices", "ctc", "rescoring"),
    "forward": ("start", "cycles"),
    "sample": ("start",),
    "compose": ("grammars", "cascades"),
    "prune": ("convert",),
    "evaluate": ("evaluate", "tagging", "translation"),
    "score": ("language",),
    "tune": ("rescoring",),
    "loss": ("losses",),
    "bound": ("bounds",),
    "lagrangian": ("lagrangian", "bounds"),
    "train": ("train", "recognisers", "ode", "variational"),
    "recognize": ("train", "recognisers"),
    "grammar": ("grammars",),
    "jsgf": ("recursion",),
    "neural": ("neural",),
    "convert": ("convert", "formats"),
}

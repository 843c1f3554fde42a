"""How an evaluation is put out: tables, or one JSON object, and before it one for each record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lattice_cli.analysis import Answers, BestOf, Errors, Evaluation, RejectCurve, Share
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.terminal.json_lines import write_json
from lattice_cli.cli.terminal.tables import GrowingTable, console, label_text, number, say
from lattice_cli.errors import LatticeError
from lattice_cli.search import Alignment

_CURVE_ROWS = 10

Failures = Sequence[tuple[str, LatticeError]]


def put_out(
    found: Evaluation,
    failures: Failures,
    run: RunOptions,
    per_record: bool,
    confusions: int,
    limit: float,
) -> None:
    """All figures. confusions: how many to show. limit: the error rate to stay within by rejecting."""
    if run.as_json:
        if per_record:
            write_json(*_record_objects(found), *_failure_objects(failures))
        write_json(_summary(found, len(failures), confusions, limit))
        return
    out = console(run.color)
    if per_record:
        _record_table(out, found, failures)
    _rate_table(out, found, len(failures))
    _confusion_table(out, found, confusions)
    if found.curve is not None:
        _reject_table(out, found.curve, limit)


def _failure_objects(failures: Failures) -> list[dict[str, Any]]:
    return [{"id": record_id, "status": error.status, "message": str(error)} for record_id, error in failures]


def _record_objects(found: Evaluation) -> list[dict[str, Any]]:
    rows = zip(found.records, found.alignments, found.word_alignments)
    return [_record_object(found, record, labels, words) for record, labels, words in rows]


def _record_object(found: Evaluation, record: Answers, labels: Alignment, words: Alignment) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": record.id, "status": "ok" if record.answers else "no-path"}
    if record.message:
        fields["message"] = record.message
    fields.update({"reference": record.reference, "answer": record.answer if record.answers else None})
    fields.update({**_counts(labels), "pairs": labels.pairs, "words": _counts(words)})
    if found.closest is not None:
        closest = record.closest
        fields["oracle"] = closest and {"errors": closest.errors, "output": closest.output, "energy": closest.energy}
    if found.curve is not None:
        fields["confidence"] = record.confidence
    return fields


def _counts(found: Alignment | Errors) -> dict[str, int]:
    return {
        "correct": found.correct,
        "substitutions": found.substitutions,
        "insertions": found.insertions,
        "deletions": found.deletions,
    }


def _summary(found: Evaluation, left_out: int, confusions: int, limit: float) -> dict[str, Any]:
    counts = {"records": len(found.records), "no_path": found.no_path, "left_out": left_out}
    summary: dict[str, Any] = {
        "status": "ok",
        **counts,
        "exact": {"count": found.exact.count, **_rate(found.exact)},
        "labels": _errors(found.labels),
        "words": {"are": "joined" if found.joined else "labels", **_errors(found.words)},
    }
    if found.best_of is not None:
        summary["best_of_n"] = {"n": found.best_of.n, **_best_of(found.best_of)}
    if found.closest is not None:
        summary["oracle"] = _best_of(found.closest)
    summary["confusions"] = [
        {"reference": each.reference, "answer": each.answer, "count": each.count, "of": each.of}
        for each in found.confusions[:confusions]
    ]
    if found.curve is not None:
        summary["reject"] = _reject(found.curve, limit)
    return summary


def _rate(share: Share) -> dict[str, Any]:
    return {"rate": share.rate, "interval": share.interval}


def _errors(found: Errors) -> dict[str, Any]:
    return {"reference": found.share.all, **_counts(found), "errors": found.share.count, **_rate(found.share)}


def _best_of(found: BestOf) -> dict[str, Any]:
    exact = {"count": found.exact.count, **_rate(found.exact)}
    return {"exact": exact, "errors": found.errors.count, **_rate(found.errors)}


def _reject(curve: RejectCurve, limit: float) -> dict[str, Any]:
    at = curve.point(limit)
    points = [_point(curve, point) for point in range(len(curve.threshold))]
    return {"area": curve.area, "limit": limit, "at": None if at is None else points[at], "points": points}


def _point(curve: RejectCurve, point: int) -> dict[str, float]:
    accepted, errors = int(curve.accepted[point]), int(curve.errors[point])
    return {
        "threshold": float(curve.threshold[point]),
        "accepted": accepted,
        "errors": errors,
        "correct_rate": (accepted - errors) / curve.records,
        "reject_rate": (curve.records - accepted) / curve.records,
        "error_rate": errors / curve.records,
    }


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.2f}"


def _record_table(out: Any, found: Evaluation, failures: Failures) -> None:
    shown = {"oracle": found.closest is not None, "confidence": found.curve is not None}
    extra = [(name, "number") for name, wanted in shown.items() if wanted]
    rows = GrowingTable(out, [("id", "text"), ("errors", "number"), *extra, ("reference → answer", "label")])
    for record, alignment in zip(found.records, found.alignments):
        cells = [record.id, str(alignment.errors)]
        if found.closest is not None:
            cells.append("" if record.closest is None else str(record.closest.errors))
        if found.curve is not None:
            cells.append("" if record.confidence is None else number(record.confidence, 4))
        rows.add(*cells, _alignment_text(alignment) if record.answers else f"(no-path) {_alignment_text(alignment)}")
    for record_id, error in failures:
        rows.add(record_id, *[""] * (len(extra) + 1), f"({error.status})")
    rows.flush()


def _alignment_text(alignment: Alignment) -> str:
    return " ".join(
        label_text(reference) if reference == answer else f"{label_text(reference)}→{label_text(answer)}"
        for reference, answer in alignment.pairs
    )


def _rate_table(out: Any, found: Evaluation, left_out: int) -> None:
    counts = ("total", "correct", "sub", "ins", "del", "error %")
    rows = GrowingTable(out, [("", "name"), *((name, "number") for name in counts), ("95 % interval", "text")], every=0)
    wrong = Share(found.exact.all - found.exact.count, found.exact.all, _complement(found.exact.interval))
    rows.add("records", str(found.exact.all), str(found.exact.count), "", "", "", *_rate_cells(wrong))
    for name, errors in (("labels", found.labels), ("words", found.words)):
        each = (str(count) for count in _counts(errors).values())
        rows.add(name, str(errors.share.all), *each, *_rate_cells(errors.share))
    chosen = [(f"best of {found.best_of.n}", found.best_of)] if found.best_of is not None else []
    chosen += [("oracle", found.closest)] if found.closest is not None else []
    for name, best in chosen:
        rows.add(name, str(best.errors.all), "", "", "", "", *_rate_cells(best.errors))
    rows.flush()
    spelled = "what the labels spell between white space" if found.joined else "the labels"
    notes = [f"exact answers: {_of(found.exact)}", f"words are {spelled}"]
    notes += [f"{name}: errors of labels; the reference is there for {_of(best.exact)}" for name, best in chosen]
    if found.no_path:
        notes.append(f"without a path: {_counted(found.no_path)}, counted as empty answers")
    if left_out:
        notes.append(f"left out: {_counted(left_out)}, not read or without a reference")
    for note in notes:
        say(out, note)


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"


def _complement(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (1 - interval[1], 1 - interval[0])


def _rate_cells(share: Share) -> tuple[str, str]:
    if share.interval is None:
        return _percent(share.rate), "-"
    return _percent(share.rate), f"[{_percent(share.interval[0])}, {_percent(share.interval[1])}]"


def _of(share: Share) -> str:
    return f"{share.count} of {share.all} ({_percent(share.rate)} %)"


def _confusion_table(out: Any, found: Evaluation, most: int) -> None:
    if not found.confusions or not most:
        return
    title = f"confusions: {min(most, len(found.confusions))} of {len(found.confusions)}"
    columns = [("reference", "label"), ("answer", "label"), ("count", "number"), ("of", "number")]
    rows = GrowingTable(out, columns, title, every=0)
    for each in found.confusions[:most]:
        of = "" if each.of is None else str(each.of)
        rows.add(label_text(each.reference), label_text(each.answer), str(each.count), of)
    rows.flush()


def _reject_table(out: Any, curve: RejectCurve, limit: float) -> None:
    """Some points of the curve, and always the one that stays within the limit."""
    at = curve.point(limit)
    columns = ("confidence", "accepted", "correct %", "reject %", "error %")
    title = "accepted if the confidence is at least; rates of all records"
    rows = GrowingTable(out, [(name, "number") for name in columns], title, every=0)
    for point in sorted({*curve.spread(_CURVE_ROWS), *([] if at is None else [at])}):
        figures = _point(curve, point)
        rates = (_percent(figures[f"{name}_rate"]) for name in ("correct", "reject", "error"))
        rows.add(number(figures["threshold"]), str(figures["accepted"]), *rates)
    rows.flush()
    within = f"at most {number(100 * limit)} % error: "
    if at is None:
        say(out, f"{within}everything has to be rejected")
    else:
        best = _point(curve, at)
        texts = [f"{_percent(best[f'{name}_rate'])} % {name}" for name in ("correct", "reject", "error")]
        say(out, f"{within}{', '.join(texts)}, at a confidence of {number(best['threshold'])}")
    if curve.area is not None:
        say(out, f"area under the risk-coverage curve: {number(curve.area)}")

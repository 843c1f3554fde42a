"""How an evaluation is put out: tables, or one JSON object, and before it one for each record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lattice_cli.analysis import Answers, BestOf, Entities, Evaluation, RejectCurve, Share
from lattice_cli.cli.reports.fields import Field, Fields, Listing, Sheet, digits, known, plain, plain_text
from lattice_cli.cli.reports.reporting import Printed, print_all
from lattice_cli.cli.stream import RunOptions
from lattice_cli.cli.terminal import console, label_text, number, put, write_json
from lattice_cli.cli.web import Aligned, Curve, PageTable, evaluation_page
from lattice_cli.errors import LatticeError, counted
from lattice_cli.search import Alignment

_CURVE_ROWS = 10
#: Records in full on a page.
_MOST_RECORDS = 200

Failures = Sequence[tuple[str, LatticeError]]


@dataclass(frozen=True)
class Rejecting:
    """What is asked of rejecting. curve: some thresholds, and the one at which errors stay within limit, a part of all
    records; threshold: one from elsewhere, None for none."""

    curve: bool = False
    limit: float = 0.0
    threshold: float | None = None


def put_out(
    found: Evaluation,
    failures: Failures,
    run: RunOptions,
    per_record: bool,
    confusions: int,
    rejecting: Rejecting,
) -> None:
    """All figures. confusions: how many to show."""
    if run.as_json:
        if per_record:
            failed = [{"id": name, "status": error.status, "message": str(error)} for name, error in failures]
            write_json(*_records(found).records(), *failed)
        write_json(_summary(found, len(failures), confusions, rejecting))
    elif run.form == "tsv":
        put("".join("\t".join(row) + "\n" for row in _plain(found, failures, per_record)))
    else:
        print_all(console(run.color, run.every_row), _printed(found, failures, per_record, confusions, rejecting))


def _plain(found: Evaluation, failures: Failures, per_record: bool) -> Iterator[Sequence[str]]:
    """Rows between tabs: each record, or the rates."""
    if per_record:
        fields = Fields(*(each for each in _records(found).fields if each is not _ALIGNED), *_TEXTS)
        yield fields.headings
        yield from (fields.plain(row) for row in _aligned_records(found))
        yield from ([plain_text(name), *[""] * (len(fields.headings) - 1)] for name, _ in failures)
        return
    yield ["what", "total", *(each.key or "" for each in _COUNTS), "errors", "rate", "low", "high"]
    for name, errors in (("labels", found.labels), ("words", found.words)):
        share, counts = errors.share, [getattr(errors, str(each.key)) for each in _COUNTS]
        low, high = share.interval or (None, None)
        yield [name, *map(plain_text, (share.all, *counts, share.count, share.rate, low, high))]


def report_page(found: Evaluation, failures: Failures, confusions: int, rejecting: Rejecting) -> str:
    """The same figures as a page for a browser, with the records that have most errors."""
    parts: list[PageTable | Curve | str] = []
    for each in _printed(found, failures, False, confusions, rejecting):
        if isinstance(each, (Listing, Sheet)):
            sheet = each.sheet() if isinstance(each, Listing) else each
            rows = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in sheet.rows]
            parts.append(PageTable(sheet.title, sheet.columns, rows))
        else:
            parts.append(str(each))
    if found.curve is not None and rejecting.curve:
        points = [((all_ - accepted) / all_, errors / all_) for _, accepted, errors, all_ in _points(found.curve)]
        parts.append(Curve(points, found.curve.point(rejecting.limit), rejecting.limit))
    wrong = [
        Aligned(record.id, each.errors, _told(record), each.pairs)
        for record, each in zip(found.records, found.alignments)
        if each.errors or not record.answers
    ]
    worst = sorted(wrong, key=lambda each: -each.errors)[:_MOST_RECORDS]
    title = f"Evaluation of {counted(len(found.records), 'record')}"
    return evaluation_page(title, parts, worst, len(wrong), found.joined)


def _told(record: Answers) -> str:
    if not record.answers:
        return f"no path: {record.message}" if record.message else "no path"
    return "" if record.confidence is None else f"confidence {digits(4)(record.confidence)}"


def _printed(
    found: Evaluation, failures: Failures, per_record: bool, confusions: int, rejecting: Rejecting
) -> Iterator[Printed]:
    if per_record:
        sheet = _records(found).sheet()
        blanks = [""] * (len(sheet.columns) - 2)
        failed = [[name, *blanks, f"({error.status})"] for name, error in failures]
        yield replace(sheet, rows=[*sheet.rows, *failed])
    yield from _rates(found, len(failures))
    if found.entities is not None:
        yield from _marked(found.entities)
    if found.bleu is not None:
        yield Listing(_BLEU, [found.bleu], "BLEU: n-grams of answers that are right; words of answers, of references")
    title = f"confusions: {min(confusions, len(found.confusions))} of {len(found.confusions)}"
    yield Listing(_CONFUSION, found.confusions[:confusions], title)
    if found.curve is not None:
        yield from _rejected(found.curve, rejecting)


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.2f}"


def _tenth(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"[{_percent(interval[0])}, {_percent(interval[1])}]"


_RATE = Fields(
    Field("rate", "error %", shown=_percent),
    Field("interval", "95 % interval", kind="text", shown=_interval),
)
_COUNTS = Fields(
    Field("correct", "correct", shown=str),
    Field("substitutions", "sub", shown=str),
    Field("insertions", "ins", shown=str),
    Field("deletions", "del", shown=str),
)
_SHARE = Fields(Field("count"), *_RATE)
_ERRORS = Fields(
    Field("reference", "total", "share.all", shown=str),
    *_COUNTS,
    Field("errors", of="share.count"),
    *(replace(each, of=f"share.{each.key}") for each in _RATE),
)
_BEST_OF = Fields(
    Field("exact", told=_SHARE.record),
    Field("errors", of="errors.count"),
    *(replace(each, of=f"errors.{each.key}") for each in _RATE),
)
_CONFUSION = Fields(
    *plain("reference", "answer", kind="label", shown=label_text),
    Field("count", "count", shown=str),
    Field("of", "of", shown=known(str)),
)
#: Of an EntityScore.
_ENTITY = Fields(
    Field("type", "type", "kind", "label", lambda kind: "all" if kind is None else label_text(kind)),
    Field("reference", "there", "recall.all", shown=str),
    Field("answered", "found", "precision.all", shown=str),
    Field("correct", "right", "recall.count", shown=str),
    Field("precision", "prec. %", "precision.rate", shown=_percent),
    Field("recall", "recall %", "recall.rate", shown=_percent),
    Field("f1", "F1 %", "f1.rate", shown=_percent),
    Field("interval", "95 % interval", "f1.interval", "text", _interval),
)
#: Of a Bleu.
_BLEU = Fields(
    Field("score", "BLEU %", shown=_percent),
    Field("interval", "95 % interval", kind="text", shown=_interval),
    Field("precisions"),
    Field(None, "1/2/3/4 words %", "precisions", "text", lambda rates: "/".join(map(_tenth, rates))),
    Field("matches"),
    Field("totals"),
    Field("brevity", "brevity", shown=digits(4)),
    Field("answered", "words", shown=str),
    Field("reference", "of", shown=str),
)
#: Of a point (threshold, accepted, errors, records) of the curve.
_POINT = Fields(
    Field("threshold", "confidence", 0),
    Field("accepted", "accepted", 1, shown=str),
    Field("errors", of=2),
    Field("correct_rate", "correct %", lambda point: (point[1] - point[2]) / point[3], shown=_percent),
    Field("reject_rate", "reject %", lambda point: (point[3] - point[1]) / point[3], shown=_percent),
    Field("error_rate", "error %", lambda point: point[2] / point[3], shown=_percent),
)


@dataclass(frozen=True)
class _AlignedRecord:
    """A record and the alignments of its answer with the reference."""

    record: Answers
    labels: Alignment
    words: Alignment


def _aligned(row: _AlignedRecord) -> str:
    pairs = " ".join(
        label_text(reference) if reference == answer else f"{label_text(reference)}→{label_text(answer)}"
        for reference, answer in row.labels.pairs
    )
    return pairs if row.record.answers else f"(no-path) {pairs}"


_RECORD = (
    Field("id", "id", "record.id", "text", str),
    Field("status", of=lambda row: "ok" if row.record.answers else "no-path"),
    Field("message", of=lambda row: row.record.message or None, optional=True),
    Field("reference", of="record.reference"),
    Field("answer", of=lambda row: row.record.answer if row.record.answers else None),
    *(replace(each, of=f"labels.{each.key}", heading=None) for each in _COUNTS),
    Field("pairs", of="labels.pairs"),
    Field("words", told=_COUNTS.record),
    Field(None, "errors", "labels.errors", shown=str),
)
_ORACLE = Field("oracle", "oracle", "record.closest", shown=known(lambda closest: str(closest.errors)), told=asdict)
_CONFIDENCE = Field("confidence", "confidence", "record.confidence", shown=known(digits(4)))
_TEXTS = (
    Field("reference", "reference", lambda row: row.record.reference),
    Field("answer", "answer", lambda row: row.record.answer if row.record.answers else None),
)
_ALIGNED = Field(None, "reference → answer", _aligned, "label", str)


def _records(found: Evaluation) -> Listing:
    asked = [_ORACLE] * (found.closest is not None) + [_CONFIDENCE] * (found.curve is not None)
    return Listing(Fields(*_RECORD, *asked, _ALIGNED), _aligned_records(found))


def _aligned_records(found: Evaluation) -> list[_AlignedRecord]:
    return [_AlignedRecord(*each) for each in zip(found.records, found.alignments, found.word_alignments)]


def _summary(found: Evaluation, left_out: int, confusions: int, rejecting: Rejecting) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "status": "ok",
        "records": len(found.records),
        "no_path": found.no_path,
        "left_out": left_out,
        "exact": _SHARE.record(found.exact),
        "labels": _ERRORS.record(found.labels),
        "words": {"are": "joined" if found.joined else "labels", **_ERRORS.record(found.words)},
    }
    if found.best_of is not None:
        summary["best_of_n"] = {"n": found.best_of.n, **_BEST_OF.record(found.best_of)}
    if found.closest is not None:
        summary["oracle"] = _BEST_OF.record(found.closest)
    if found.entities is not None:
        marked = found.entities
        summary["entities"] = {
            **{key: value for key, value in _ENTITY.record(marked.all).items() if key != "type"},
            "by_type": _ENTITY.records(marked.by_type),
            "out_of_place": marked.odd,
        }
    if found.bleu is not None:
        summary["bleu"] = _BLEU.record(found.bleu)
    summary["confusions"] = _CONFUSION.records(found.confusions[:confusions])
    if found.curve is not None and rejecting.curve:
        at, points = found.curve.point(rejecting.limit), _POINT.records(_points(found.curve))
        within = None if at is None else points[at]
        summary["reject"] = {"area": found.curve.area, "limit": rejecting.limit, "at": within, "points": points}
    if found.curve is not None and rejecting.threshold is not None:
        summary["threshold"] = _POINT.record(_at(found.curve, rejecting.threshold))
    return summary


def _rates(found: Evaluation, left_out: int) -> Iterator[Printed]:
    right, blank = found.exact, [""] * len(_COUNTS)
    missed = None if right.interval is None else (1 - right.interval[1], 1 - right.interval[0])
    wrong = Share(right.all - right.count, right.all, missed)
    chosen: list[tuple[str, BestOf]] = []
    if found.best_of is not None:
        chosen.append((f"best of {found.best_of.n}", found.best_of))
    if found.closest is not None:
        chosen.append(("oracle", found.closest))
    rows = [["records", str(right.all), str(right.count), *blank[1:], *_RATE.cells(wrong)]]
    rows += [[name, *_ERRORS.cells(errors)] for name, errors in (("labels", found.labels), ("words", found.words))]
    rows += [[name, str(best.errors.all), *blank, *_RATE.cells(best.errors)] for name, best in chosen]
    yield Sheet([("", "name"), *_ERRORS.columns], rows)
    yield f"exact answers: {_of(right)}"
    yield f"words are {'what the labels spell between white space' if found.joined else 'the labels'}"
    for name, best in chosen:
        yield f"{name}: errors of labels; the reference is there for {_of(best.exact)}"
    if found.no_path:
        yield f"without a path: {counted(found.no_path, 'record')}, counted as empty answers"
    if left_out:
        yield f"left out: {counted(left_out, 'record')}, not read or without a reference"


def _marked(found: Entities) -> Iterator[Printed]:
    yield Listing(_ENTITY, [*found.by_type, found.all], "entities")
    told = f"tags out of place, read as a beginning: {found.odd} of answers"
    yield f"{told}, {found.odd_references} of references" if found.odd_references else told


def _of(share: Share) -> str:
    return f"{share.count} of {share.all} ({_percent(share.rate)} %)"


def _points(curve: RejectCurve) -> list[tuple[float, int, int, int]]:
    columns = (curve.threshold.tolist(), curve.accepted.tolist(), curve.errors.tolist())
    return [(*point, curve.records) for point in zip(*columns)]


def _at(curve: RejectCurve, threshold: float) -> tuple[float, int, int, int]:
    return (threshold, *curve.at(threshold), curve.records)


def _rejected(curve: RejectCurve, rejecting: Rejecting) -> Iterator[Printed]:
    """Some points of the curve, and always the one that stays within the limit; what is accepted at a threshold."""
    if rejecting.curve:
        yield from _curve(curve, rejecting.limit)
    if rejecting.threshold is not None:
        point = _at(curve, rejecting.threshold)
        yield Listing(_POINT, [point], "accepted if the confidence is at least; rates of all records")
        _, accepted, wrong, count = point
        yield f"{counted(accepted - wrong, 'answer')} correct, {count - accepted} rejected, {wrong} wrong, of {count}"


def _curve(curve: RejectCurve, limit: float) -> Iterator[Printed]:
    at, points = curve.point(limit), _points(curve)
    shown = [points[each] for each in sorted({*curve.spread(_CURVE_ROWS), *([] if at is None else [at])})]
    yield Listing(_POINT, shown, "accepted if the confidence is at least; rates of all records")
    within = f"at most {number(100 * limit)} % error: "
    if at is None:
        yield f"{within}everything has to be rejected"
    else:
        _, _, correct, reject, error = _POINT.cells(points[at])
        rates = f"{correct} % correct, {reject} % reject, {error} % error"
        yield f"{within}{rates}, at a confidence of {number(points[at][0])}"
    if curve.area is not None:
        yield f"area under the risk-coverage curve: {number(curve.area)}"

"""How results look: tables for people, lines of JSON for programs. They show; they compute nothing.

bound_report       how bounds are put out
chain_report       how chains with costs are put out
conversion_report  where converted graphs go
drawing_report     pictures of graphs
evaluation_input   what evaluate reads
evaluation_report  how an evaluation is put out
fields             results as lists of fields: JSON and tables of one list
forward_report     how forward puts out what it found
graph_report       graphs as results
grid_report        trainings over a grid of values
loss_report        how losses are put out
model_report       what show tells of a trained model
path_report        paths that viterbi found or sample drew
recognizer_report  what `recognize --check` tells of a recogniser, record by record
reporting          reports of streams, of the same entries as JSON or tables
score_report       how scores of sentences are put out
show_report        how show puts out what it finds inside of a lattice, and what is
                   different between two
transcripts        answers as CTM, trn, Kaldi text, captions
training_report    A training from the command line, and what it says while it goes on
tuning_report      how tuned scales are put out
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.reports.bound_report import BoundReport
    from lattice_cli.cli.reports.chain_report import ChainReport, ChainResult
    from lattice_cli.cli.reports.conversion_report import Conversion, Destination
    from lattice_cli.cli.reports.drawing_report import Drawing, form_of
    from lattice_cli.cli.reports.evaluation_input import Collected, Reader, read_all, solver
    from lattice_cli.cli.reports.evaluation_report import Rejecting, put_out, report_page
    from lattice_cli.cli.reports.fields import Listing
    from lattice_cli.cli.reports.forward_report import ForwardReport
    from lattice_cli.cli.reports.graph_report import ComposedReport, GraphReport, PrunedReport
    from lattice_cli.cli.reports.grid_report import run_grid
    from lattice_cli.cli.reports.loss_report import LossReport
    from lattice_cli.cli.reports.path_report import JudgedReport, SampleReport, Shown, ViterbiReport
    from lattice_cli.cli.reports.recognizer_report import CheckReport
    from lattice_cli.cli.reports.reporting import print_all
    from lattice_cli.cli.reports.score_report import ScoreReport
    from lattice_cli.cli.reports.show_report import Found, Parts, ShowReport, add_parts, comparison
    from lattice_cli.cli.reports.training_report import run_training, show_keys
    from lattice_cli.cli.reports.tuning_report import put_out_tuning

__getattr__ = lazy_names(__name__)

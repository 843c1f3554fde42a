"""What can be said on the command line, in groups that reach a command as one parameter each.

answers                how many answers, beams
digest                 what results depend on besides their inputs
grammar_ending         how a built grammar ends: union, closure, -o
groups                 help; options given twice or in vain; options that reach a command as one parameter
model_inputs           a model before its inputs
parameter_types        what values are: files, names with numbers, lists, numbers in a range
scorers                language models, hot words
shared                 options that commands share
text_training_options  of a network that is learned from text
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.options.answers import request_options, row_time_option
    from lattice_cli.cli.options.grammar_ending import Ending, ending_options, file_given, labels_given, labels_in, say
    from lattice_cli.cli.options.groups import Group, Option, StrictCommand, grouped
    from lattice_cli.cli.options.model_inputs import Taken, taken, trust_code_option
    from lattice_cli.cli.options.parameter_types import (
        BetaList,
        FileName,
        NamedNumber,
        NamedRange,
        Number,
        SizeList,
        Threshold,
        file_named,
        file_read,
        finite_number,
        folder_named,
        not_negative,
        positive,
        say_waiting,
    )
    from lattice_cli.cli.options.scorers import ScorerOptions, scorer_options
    from lattice_cli.cli.options.shared import (
        DecoderOptions,
        color_option,
        combine_option,
        ctc_option,
        decoder_options,
        drawing_options,
        encoding_option,
        graph_options,
        graph_output_option,
        input_options,
        of_option,
        records_scales,
        result_options,
        split_option,
    )
    from lattice_cli.cli.options.text_training_options import neural_options

__getattr__ = lazy_names(__name__)

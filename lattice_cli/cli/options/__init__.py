"""What can be said on the command line, in groups that reach a command as one parameter each.

answers         how many answers, beams, language models, hot words
grammar_ending  how a built grammar ends: union, closure, -o
groups          options given twice or in vain; options that reach a command as one parameter
shared          options that commands share
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.options.answers import ScorerOptions, request_options, row_time_option, scorer_options
    from lattice_cli.cli.options.grammar_ending import Ending, ending_options, file_given, labels_given, labels_in, say
    from lattice_cli.cli.options.groups import Option, StrictCommand, grouped
    from lattice_cli.cli.options.shared import (
        BetaList,
        DecoderOptions,
        Number,
        SizeList,
        color_option,
        combine_option,
        ctc_option,
        decoder_options,
        drawing_options,
        graph_options,
        input_options,
        not_negative,
        of_option,
        positive,
        result_options,
    )

__getattr__ = lazy_names(__name__)

"""How results look: tables for people, lines of JSON for programs. They show; they compute nothing.

bound_report       how bounds are put out
conversion_report  where converted graphs go
drawing_report     pictures of graphs
evaluation_input   what evaluate reads
evaluation_report  how an evaluation is put out
fields             results as lists of fields: JSON and tables of one list
forward_report     how forward puts out what it found
graph_report       graphs as results
loss_report        how losses are put out
path_report        paths that viterbi found or sample drew
recognizer_report  what `recognize --check` tells of a recogniser, record by record
reporting          reports of streams, of the same entries as JSON or tables
show_report        how show puts out what it finds inside of a lattice, and what is
                   different between two
training_report    A training from the command line, and what it says while it goes on
"""

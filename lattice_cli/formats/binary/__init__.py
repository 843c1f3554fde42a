"""Binary files of other systems: OpenFst's automata, Kaldi's archives of lattices and matrices.

cursor          bytes taken from an input, sizes checked
fst_documents   OpenFst's files as records and back
fst_file        OpenFst's files taken apart: header, symbol tables
fst_states      their states and arcs
fst_types       types of arcs, and what a file says as columns
fst_writer      OpenFst's files put together
kaldi_archives  archives and script files, record by record
kaldi_lattices  lattices written in binary
kaldi_matrices  matrices, compressed ones too
"""

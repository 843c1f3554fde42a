"""Process and screen: tables, JSON lines, progress, threads and memory.

json_lines  JSON lines
process     threads, memory, garbage
progress    progress bars on standard error
tables      rich tables; sole importer of rich
"""

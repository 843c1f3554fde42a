"""The command line: the only part that knows click, rich and the terminal.

terminal/  process and screen
help/      -h and --help, blocks of options, pages
stream/    records through a command
options/   what can be said on the command line, in groups that reach a command as one parameter
           each
web/       pages for a browser
reports/   how results look
commands/  one module a command
main       the command group; errors to exit statuses
"""

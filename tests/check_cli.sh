#!/usr/bin/env bash
# The frame of the command line: help, version, completion, wrong words and their exit codes.
# usage: check_cli.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
expect 0 '^nacre [0-9]+\.[0-9]+\.[0-9]+$' "$nacre" --version
expect 0 '^  check +parse' "$nacre" --help
expect 2 '^usage: nacre COMMAND' "$nacre"
expect 2 'no command `chekc`' "$nacre" chekc
expect 2 'did you mean `check`' "$nacre" chekc
expect 2 'FILE is missing' "$nacre" check
expect 2 '1 argument at most, but `b` is one more' "$nacre" check a b
expect 2 'no option `--formt`' "$nacre" check --formt json a
expect 2 'did you mean `--format`' "$nacre" check --formt json a
expect 2 '--format is text, json or csv, not `xml`' "$nacre" check --format xml a
expect 2 '--format needs a value' "$nacre" check a --format
expect 2 '--quiet takes no value' "$nacre" check a --quiet=1
expect 2 '--quiet is given twice' "$nacre" check a --quiet -q
expect 3 "cannot read '/nonexistent.ncr'" "$nacre" check /nonexistent.ncr
expect 3 'it is a directory' "$nacre" check /tmp
expect 2 'takes bash or zsh' "$nacre" --completion fish
expect 0 '^complete -o filenames -F _nacre nacre$' "$nacre" --completion bash
expect 0 '^#compdef nacre$' "$nacre" --completion zsh
for command in $("$nacre" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
  expect 0 "^usage: nacre $command " "$nacre" "$command" --help
done
checks=$((checks + 1))
"$nacre" --completion bash | bash -n || fail "the bash completion does not parse"
if [ -c /dev/full ]; then
  checks=$((checks + 1))
  "$nacre" --help >/dev/full 2>/dev/null
  [ $? -eq 3 ] || fail "a full disk goes unnoticed by --help"
fi
finish

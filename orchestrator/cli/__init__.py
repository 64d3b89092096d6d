"""The command line: words in, one use case, an answer for people or for programs."""

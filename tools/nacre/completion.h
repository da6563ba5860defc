// Shell completion scripts, made from the command and option tables.
#ifndef NCR_TOOLS_COMPLETION_H
#define NCR_TOOLS_COMPLETION_H

// Prints the script for "bash" or "zsh"; gives the exit code.
int completion_print(const char *shell);

#endif
